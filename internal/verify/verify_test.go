package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
)

func TestMain(m *testing.M) { os.Exit(Main(m.Run)) }

// The settings choose the decoders, or are refused in a line.
func TestNewSuite(t *testing.T) {
	all := "[reference hcsshim reference create"
	for _, d := range must().creates {
		all += " " + d.Name
	}
	all += "] "
	for _, test := range []struct {
		settings settings.Test
		want     string // the decoders and what is excused; or the error
	}{
		{settings.Test{}, all},
		{settings.Test{Decoder: "reference"}, "[reference reference create] "},
		{settings.Test{Decoder: "hcsshim"}, "[hcsshim] "},
		{settings.Test{Findings: "none"}, all + "none"},
		{settings.Test{Findings: "v0.14.1,-bootstrap-rejected"}, all + "v0.14.1,-bootstrap-rejected"},
		{settings.Test{Decoder: "hcshim"}, `there is no decoder "hcshim"`},
		{settings.Test{Findings: "all"}, "FINDINGS=all"},
	} {
		u, err := newSuite(test.settings)
		got := fmt.Sprint(err)
		if err == nil {
			var names []string
			for _, d := range u.decoders {
				names = append(names, d.Name)
			}
			got = fmt.Sprint(names, " ", u.excused[contract.Stdin].Name)
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%+v: %s, want %s", test.settings, got, test.want)
		}
	}
}

// An ID and a namespace are no message of their own to CreateTaskRequest.Options: they are an Any of
// another type, and no other answer is right.
func TestFor(t *testing.T) {
	or := []contract.Outcome{grammar.Sent(nil)}
	p := grammar.Payload{Bytes: grammar.PlainAny("web-1", []byte("k8s.io")),
		Want: contract.Outcome{Kind: contract.Malformed, Or: or}} // an earlier namespace, which is overwritten
	got := For(reference.CreateDecoder, p)
	if got.Want.Kind != contract.Foreign || len(got.Want.Or) != 0 || got.Input != contract.Create {
		t.Errorf("%v or %v as input %d, want %s", got.Want, got.Want.Or, got.Input, contract.Foreign)
	}
}

// recorder is a TB that keeps the failure.
type recorder struct{ report string }

func (*recorder) Helper()                        {}
func (*recorder) Name() string                   { return "TestRecorded/x" }
func (r *recorder) Fatalf(f string, args ...any) { r.report = fmt.Sprintf(f, args...) }

// A wrong answer fails the test, keeps the payload, and says how to see it again.
func TestRun(t *testing.T) {
	t.Setenv(settings.Variable, "") // whatever the command has set
	p := grammar.WithIdentity("web-1", "k8s.io", grammar.OneOption())
	for _, test := range []struct {
		name string
		read func(io.Reader) (*options.Options, error)
		want string // in the report
	}{
		{"right", func(io.Reader) (*options.Options, error) { return grammar.OneOption(), nil }, ""},
		{"none", func(io.Reader) (*options.Options, error) { return nil, nil }, "none instead of options"},
		{"panic", func(io.Reader) (*options.Options, error) { panic("boom") }, "guarantee  never-panics"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r recorder
			Run(&r, decoder.Decoder{Name: "test", Read: test.read}, Check{Guarantee: contract.AsSent, Payload: p})
			if test.want == "" && r.report != "" || !strings.Contains(r.report, test.want) {
				t.Fatalf("report %q, want one with %q", r.report, test.want)
			}
			if test.want == "" {
				return
			}
			_, replay, ok := strings.Cut(r.report, "make repro CASE=")
			if !ok {
				t.Fatalf("no replay in %s", r.report)
			}
			root, err := settings.Root()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(root, strings.Fields(replay)[0])
			defer os.Remove(file)
			kept, err := os.ReadFile(file)
			if err != nil || string(kept) != string(p.Bytes) {
				t.Errorf("the replay has %x, %v; want %x", kept, err, p.Bytes)
			}
		})
	}
}

// The results of several processes are added up. Of a cause the best example is a case of the corpus,
// and short; what is new stands last, and what to do is said.
func TestResults(t *testing.T) {
	var got Results
	for _, text := range []string{
		`{"HCSShim":"v0.15.0","Excuses":"v0.15.0","Excused":{"a":2},"Causes":[
			{"Name":"n","State":"new","Tests":["T"],"Replay":"long","Drawn":true,"Size":9},
			{"Name":"m","Left":"m","State":"mended here","Tests":["T"],"Replay":"m1","Size":3}]}`,
		`{"Excused":{"a":1,"b":3},"Causes":[
			{"Name":"n","State":"new","Tests":["T","U"],"Replay":"case","Size":10}]}`,
		`{"Causes":[{"Name":"n","State":"new","Tests":["V"],"Replay":"short","Drawn":true,"Size":1}]}`,
	} {
		var one Results
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatal(err)
		}
		got.Add(one)
	}
	var text strings.Builder
	got.Print(&text)
	const want = `
findings in hcsshim v0.15.0, FINDINGS=v0.15.0:
  excused      a  answers: 3
  excused      b  answers: 3
  mended here  m  tests: 1  m1
  new          n  tests: 3  case
what is mended stays so with FINDINGS=v0.15.0,-m
a new defect in hcsshim: docs/findings.md says how to report it, SECURITY.md to whom if it crashes
without make: go run ./cmd/shimfuzz repro -case=<file>, with the same GOWORK and FINDINGS
`
	if text.String() != want {
		t.Errorf("%s\nwant%s", &text, want)
	}
}
