package matrix

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/conformance/protocol"
)

func senders() []Sender { return Senders(recorded.Recordings()) }

var (
	runhcs = readers.Reader{Name: findings.RunHCS, Version: "v0.15.0"}
	runc   = readers.Reader{Name: findings.RuncV2, Version: "v2.4.2"}
	rust   = readers.Reader{Name: findings.RustExtensions, Version: "v0.11.0"}
)

// byTheContract answers as the reference does.
func byTheContract(b []byte) (protocol.Answer, error) {
	opts, err := reference.ReadOptions(bytes.NewReader(b))
	switch {
	case err != nil:
		return protocol.Failed(err), nil
	case opts == nil:
		return protocol.Answer{Outcome: protocol.None}, nil
	}
	detail, err := proto.Marshal(opts)
	return protocol.Answer{Outcome: protocol.Options, Detail: detail}, err
}

// A release up to 2.2 is one sender, a later one is two: by the shim's name.
func TestSenders(t *testing.T) {
	var got []string
	for _, s := range senders() {
		got = append(got, s.Containerd+" to "+s.To())
	}
	for _, want := range []string{"v1.7.35 to any shim", "v2.2.9 to any shim", "v2.3.7 to runhcs-v1",
		"v2.3.7 to lcow-v2", "v2.4.2 to lcow-v2"} {
		if !strings.Contains(strings.Join(got, ", "), want) {
			t.Errorf("%q is not among %v", want, got)
		}
	}
}

// A reader that answers by the contract is right everywhere.
func TestContractIsRight(t *testing.T) {
	for _, s := range senders() {
		c, err := Ask(runhcs, s, byTheContract)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Summary(); got != "arrive" {
			t.Errorf("%v: %s", s.Containerd, got)
		}
	}
}

// What a reader must answer follows from the request, too: none without options and
// for foreign ones among extensions, an error for foreign ones in an Any.
func TestWantFollowsFromTheRequest(t *testing.T) {
	for _, r := range readers.All("") {
		for _, s := range senders() {
			for _, start := range s.Starts {
				want := contract.None
				switch asked(r, start) {
				case OwnOptions:
					want = contract.Options
				case ForeignOptions:
					if !stdin.IsBootstrap(start.Payload) {
						want = contract.Foreign
					}
				}
				if got := findings.Want(r.Name, r.Version, start.Payload); got.Kind != want {
					t.Errorf("%s must answer %v to %s, want %s", r.ID(), got, start.Name, want)
				}
			}
		}
	}
}

// startOf is a start with options of recorded.RequestedOptions, in the message given.
func startOf(family, requested string) Start {
	o := recorded.Requested(requested)
	s := Start{Requested: requested}
	switch {
	case family == "bootstrap":
		p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: "k8s.io", ContainerdVersion: "v2.4.2"}
		s.Payload = grammar.Start("x", p, o.Type, o.Value)
	case o.Type != "":
		s.Payload = grammar.PlainAny(o.Type, o.Value)
	}
	return s
}

// What an operator sees of an answer, and whether it is right. runhcs-v1 v0.15.0 is
// known to drop foreign options in an Any if it does not link their type.
func TestEffects(t *testing.T) {
	value := string(recorded.Requested("cri").Value)
	marker := string(recorded.Requested("runc").Value)
	for _, test := range []struct {
		reader            readers.Reader
		family, requested string
		outcome, detail   string
		effect            Effect
		verdict           verdict.Kind
	}{
		{runhcs, "legacy", "cri", "options", value, Arrive, verdict.Right},
		{runhcs, "legacy", "cri", "options", "", Partly, verdict.Wrong},
		{runhcs, "legacy", "all", "options", value, Other, verdict.Wrong},
		{runhcs, "legacy", "cri", "none", "", Defaults, verdict.Wrong},
		{runhcs, "legacy", "cri", "error", "no", Fails, verdict.Wrong},
		{runhcs, "legacy", "cri", "error/malformed", "no", Fails, verdict.Wrong},
		{runhcs, "legacy", "cri", "panic", "no", Panics, verdict.Wrong},
		{runhcs, "legacy", "cri", "hang", "", Hangs, verdict.Wrong},
		{runhcs, "legacy", "none", "none", "", Arrive, verdict.Right},
		{runhcs, "legacy", "none", "options", "", Other, verdict.Wrong},
		{runhcs, "legacy", "none", "error", "no", Fails, verdict.Wrong},
		{runhcs, "legacy", "runc", "error", "no", Arrive, verdict.Right},
		{runhcs, "legacy", "runc", "none", "", Defaults, verdict.Wrong},
		{runhcs, "legacy", "runc", "options", "", Other, verdict.Wrong},
		{runhcs, "legacy", "runtimeoptions", "error", "no", Arrive, verdict.KnownRight},
		{runhcs, "legacy", "runtimeoptions", "none", "", Defaults, verdict.Known},
		{runhcs, "legacy", "runtimeoptions", "options", "", Other, verdict.KnownDifferent},
		{runhcs, "legacy", "runtimeoptions", "panic", "no", Panics, verdict.KnownDifferent},
		{runhcs, "bootstrap", "runc", "none", "", Arrive, verdict.Right},
		{runhcs, "bootstrap", "runc", "error", "no", Fails, verdict.Wrong},
		{runhcs, "bootstrap", "cri", "none", "", Defaults, verdict.Wrong},
		{runhcs, "bootstrap", "cri", "options", value, Arrive, verdict.Right},

		{runc, "bootstrap", "runc", "options", marker, Arrive, verdict.Right},
		{runc, "bootstrap", "runc", "none", "", Defaults, verdict.Wrong},
		{runc, "bootstrap", "cri", "none", "", Arrive, verdict.Right},
		{runc, "bootstrap", "cri", "options", marker, Other, verdict.Wrong},
		{runc, "legacy", "cri", "error", "no", Arrive, verdict.Right},
		{runc, "legacy", "runc", "error", "deprecated API", Fails, verdict.Known},
		{runc, "legacy", "runc", "options", marker, Arrive, verdict.KnownRight},

		{rust, "legacy", "runc", "options", marker, Arrive, verdict.Right},
		{rust, "legacy", "all", "options", "\x1a\tHKLM\\Shim", Other, verdict.Known},
		{rust, "legacy", "all", "none", "", Defaults, verdict.KnownDifferent},
		{rust, "legacy", "cri", "none", "", Defaults, verdict.Known},
		{rust, "legacy", "cri", "error", "no", Arrive, verdict.KnownRight},
		{rust, "bootstrap", "runc", "error", "IncorrectTag(46)", Fails, verdict.Known},
		{rust, "bootstrap", "runc", "error", "no", Fails, verdict.KnownDifferent},
		{rust, "bootstrap", "runc", "options", marker, Arrive, verdict.KnownRight},
	} {
		a, err := decide(test.reader, startOf(test.family, test.requested),
			protocol.Answer{Outcome: test.outcome, Detail: []byte(test.detail)})
		if err != nil {
			t.Fatal(err)
		}
		if a.Effect != test.effect || a.Verdict.Kind != test.verdict {
			t.Errorf("%s answers %s %q to %s in %s: %s, %s; want %s, %s", test.reader.ID(), test.outcome, test.detail,
				test.requested, test.family,
				a.Effect, a.Verdict.Kind, test.effect, test.verdict)
		}
	}
}

// An explicit scrub_logs: false is lost only to an hcsshim that distinguishes it
// from unset.
func TestExplicitFalse(t *testing.T) {
	lost := new(options.Options)
	if err := proto.Unmarshal(recorded.Requested("all").Value, lost); err != nil {
		t.Fatal(err)
	}
	lost.ScrubLogs = nil
	b, err := proto.Marshal(lost)
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]Effect{"v0.14.1": Arrive, "v0.15.0-rc.1": Arrive, "v0.15.0-rc.2": Partly,
		"v0.15.0": Partly, "/home/me/hcsshim": Partly} {
		r := readers.Reader{Name: findings.RunHCS, Version: version}
		got, err := decide(r, startOf("legacy", "all"), protocol.Answer{Outcome: protocol.Options, Detail: b})
		if err != nil || got.Effect != want {
			t.Errorf("hcsshim %s loses scrub_logs: false: %s, %v; want %s", version, got.Effect, err, want)
		}
	}
}

// rowOf is all that a reader answers.
func rowOf(t *testing.T, r readers.Reader, ask func([]byte) (protocol.Answer, error)) []Row {
	t.Helper()
	row := Row{Reader: r}
	for _, s := range senders() {
		c, err := Ask(r, s, ask)
		if err != nil {
			t.Fatal(err)
		}
		row.Cells = append(row.Cells, c)
	}
	return []Row{row}
}

// A finding explains only the answer that it predicts. A shim that drops or refuses
// more than that is a surprise; one that is right where a finding predicts a wrong
// answer shows that the finding is stale.
func TestFindingsPredict(t *testing.T) {
	lcow := readers.Reader{Name: findings.LCOW, Version: "v0.15.0"}
	old := readers.Reader{Name: findings.RunHCS, Version: "v0.14.1"}
	always := func(a protocol.Answer) func([]byte) (protocol.Answer, error) {
		return func([]byte) (protocol.Answer, error) { return a, nil }
	}
	for _, test := range []struct {
		what             string
		reader           readers.Reader
		ask              func([]byte) (protocol.Answer, error)
		surprises, stale int
	}{
		{"drops everything", lcow, always(protocol.Answer{Outcome: protocol.None}), 2, 0},
		{"refuses everything", lcow, always(protocol.Failed(errors.New("no UTF-8"))), 5, 1},
		{"is fixed", lcow, byTheContract, 0, 2},
		{"refuses everything for no known reason", old, always(protocol.Failed(errors.New("no"))), 5, 0},
		{"is fixed", old, byTheContract, 0, 1},
	} {
		rows := rowOf(t, test.reader, test.ask)
		if got := len(Surprises(rows)); got != test.surprises {
			t.Errorf("%s that %s: %d surprises, want %d", test.reader.ID(), test.what, got, test.surprises)
		}
		if got := Stale(rows); len(got) != test.stale {
			t.Errorf("%s that %s: stale %v, want %d", test.reader.ID(), test.what, got, test.stale)
		}
	}
}

// A reader is given the cases that show its findings, and all damaged ones if what is
// predicted of these is exact. What it answers is held to the predictions.
func TestCases(t *testing.T) {
	all, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	const truncated = "malformed_bootstrap_extension_truncated"
	for _, test := range []struct {
		reader readers.Reader
		name   string
		want   bool
	}{
		{readers.Reader{Name: findings.RuncV2, Version: "v2.3.7"}, truncated, true},
		{readers.Reader{Name: findings.RuncV2, Version: "v2.4.2"}, truncated, false},
		{readers.Reader{Name: findings.PkgShim, Version: "v2.4.2"}, truncated, true},
		{readers.Reader{Name: findings.LCOW, Version: "v0.15.0"}, "legacy_foreign_runtimeoptions", true},
		{runhcs, "legacy_field_debug-type_1", false}, // shows in serve only
		{runhcs, truncated, false},
	} {
		if got := slices.ContainsFunc(Cases(test.reader, all),
			func(s Start) bool { return s.Name == test.name }); got != test.want {
			t.Errorf("%s is given %s: %v, want %v", test.reader.ID(), test.name, got, test.want)
		}
	}
	r := readers.Reader{Name: findings.PkgShim, Version: "v2.3.7"}
	replay := func(ask func([]byte) (protocol.Answer, error)) []Row {
		c, err := Ask(r, Sender{Starts: Cases(r, all)}, ask)
		if err != nil {
			t.Fatal(err)
		}
		return []Row{{Reader: r, Replays: c.Answers}}
	}
	if got := Stale(replay(byTheContract)); !slices.Contains(got, "damage-ignored of containerd pkg/shim v2.3.7") {
		t.Errorf("for a reader that is fixed, stale %v", got)
	}
	surprises := Surprises(replay(func([]byte) (protocol.Answer,
		error) {
		return protocol.Answer{Outcome: protocol.None}, nil
	}))
	if len(surprises) == 0 || !strings.Contains(surprises[0].Report("x").Replay, "CASE=corpus/malformed/") {
		t.Errorf("for a reader that drops everything, %d surprises", len(surprises))
	}
}

// An answer that is not of the protocol is an error, not an effect.
func TestNotAnAnswer(t *testing.T) {
	for _, test := range []struct {
		reader          readers.Reader
		outcome, detail string
	}{
		{runhcs, "maybe", ""},
		{runhcs, "options", "\x0a"},
		{runc, "options", ""}, // without the marker
	} {
		ask := func([]byte) (protocol.Answer, error) {
			return protocol.Answer{Outcome: test.outcome, Detail: []byte(test.detail)}, nil
		}
		if _, err := Ask(test.reader, senders()[0], ask); err == nil || !strings.Contains(err.Error(),
			test.reader.ID()) {
			t.Errorf("%s answers %s %q: %v", test.reader.ID(), test.outcome, test.detail, err)
		}
	}
}

// A reader that cannot be run is not a shim that crashes.
func TestUnable(t *testing.T) {
	_, err := Ask(runhcs, senders()[0], func([]byte) (protocol.Answer,
		error) {
		return protocol.Answer{Outcome: protocol.Unable}, nil
	})
	if !errors.Is(err, readers.ErrNotHere) {
		t.Errorf("got %v", err)
	}
}

// The advice says which hcsshim each containerd works with, and what no containerd
// sends though it was asked to. The page has the evidence of every cell.
func TestAdvice(t *testing.T) {
	all := senders()
	rows := []Row{{Reader: runhcs}}
	for _, s := range all {
		c, err := Ask(runhcs, s, byTheContract)
		if err != nil {
			t.Fatal(err)
		}
		rows[0].Cells = append(rows[0].Cells, c)
	}
	rows = append(rows, Row{Reader: readers.Reader{Name: findings.RunHCS, Version: "v9.9.9"},
		Missing: "no such <version>"})
	var text, page bytes.Buffer
	Advice(&text, all, rows)
	for _, want := range []string{
		"containerd v2.3.7    works with hcsshim v0.15.0\n",
		"Never sent, though asked for: scrub_logs: false, by containerd v1.7.35 v2.0.14 v2.2.9 v2.3.7\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in:\n%s", want, text.String())
		}
	}
	if err := HTML(&page, all, rows); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(page.String(), `class="evidence"`); n != len(all) {
		t.Errorf("the page has evidence of %d cells, want %d", n, len(all))
	}
	if strings.Contains(page.String(), "<version>") {
		t.Error("the page does not escape what it shows")
	}
}

// Senders that all readers answer alike are one column, and neighbouring versions that
// answer alike are one row.
func TestMarkdown(t *testing.T) {
	all := senders()
	refuse := func([]byte) (protocol.Answer, error) { return protocol.Failed(errors.New("no")), nil }
	anyOnly := func(b []byte) (protocol.Answer, error) {
		if stdin.IsBootstrap(b) {
			return refuse(b)
		}
		return byTheContract(b)
	}
	var rows []Row
	for _, version := range []string{"v1", "v2", "v3"} {
		rows = append(rows, rowOf(t, readers.Reader{Name: findings.RunHCS, Version: version}, anyOnly)...)
	}
	rows = append(rows, rowOf(t, readers.Reader{Name: findings.RunHCS, Version: "v4"}, byTheContract)...)
	rows = append(rows, Row{Reader: readers.Reader{Name: "other"}, Missing: "no"})
	var b strings.Builder
	Markdown(&b, all, rows)
	const want = `| what reads it | v1.7.35 to any shim, v2.0.14 to any shim, v2.2.9 to any shim, ` +
		`v2.3.7 to runhcs-v1, v2.4.2 to runhcs-v1 | v2.3.7 to lcow-v2, v2.4.2 to lcow-v2 |
|---|---|---|
| hcsshim runhcs-v1 v1 to v3 | arrive | error n:error f:error |
| hcsshim runhcs-v1 v4 | arrive | arrive |
| other | not run: no | not run: no |
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// A surprise is reported with what was wanted and given, and how to see it again.
func TestReport(t *testing.T) {
	rows := rowOf(t, runc, func([]byte) (protocol.Answer, error) {
		return protocol.Failed(errors.New("deprecated API")),
			nil
	})
	surprises := Surprises(rows)
	if len(surprises) == 0 {
		t.Fatal("no surprises")
	}
	report := surprises[0].Report("build/runc").String()
	for _, want := range []string{
		"verdict    wrong\n", "program    containerd runc-v2 v2.4.2\n", "want       none\n",
		"got        error: deprecated API\n",
		"payload    recorded_v2.3.7_lcow-v2_start_none, the first of ",
		"replay     make -C lab repro CASE=corpus/recorded/recorded_v2.3.7_lcow-v2_start_none.bin READER=build/runc\n",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("%q is not in:\n%s", want, report)
		}
	}
}

// Every finding of a program that is run here names a case of the corpus; a
// recorded one is a start that was sent.
func TestFindingsOfReaders(t *testing.T) {
	names := make(map[string]bool)
	for _, r := range readers.All("") {
		names[r.Name] = true
	}
	cases := make(map[string]bool)
	for _, s := range senders() {
		for _, start := range s.Starts {
			cases[start.Name] = true
		}
	}
	for _, f := range findings.All {
		for _, p := range f.Places {
			extracted := p.Program == findings.ReadOptions || p.Program == findings.Create
			if !names[p.Program] && !extracted {
				t.Errorf("%s: there is no reader %s", f.Name, p.Program)
			}
			if strings.HasPrefix(p.Case, "recorded_") && !cases[p.Case] {
				t.Errorf("%s: there is no case %s of a shim's start", f.Name, p.Case)
			}
		}
	}
}
