package matrix

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
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

var (
	runhcs = readers.Reader{Name: findings.RunHCS, Version: "v0.15.0"}
	old    = readers.Reader{Name: findings.RunHCS, Version: "v0.14.1"}
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

func loadCases(t *testing.T) []corpus.Case {
	t.Helper()
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// always answers the same to every payload.
func always(a protocol.Answer) func([]byte) (protocol.Answer, error) {
	return func([]byte) (protocol.Answer, error) { return a, nil }
}

// rowOf is all that a reader answers to what it is asked.
func rowOf(t *testing.T, r readers.Reader, put func([]byte) (protocol.Answer, error)) Row {
	t.Helper()
	row := ask(r, starts(r, sent(), loadCases(t)), put)
	if row.Err != nil {
		t.Fatal(row.Err)
	}
	return row
}

// What a reader must answer follows from the request, too: none without options and
// for foreign ones among extensions, an error for foreign ones in an Any.
func TestWantFollowsFromTheRequest(t *testing.T) {
	for _, r := range readers.All("") {
		for _, s := range sent() {
			want := contract.None
			switch asked(r, s.Request.Options) {
			case "":
				want = contract.Options
			case "f:":
				if !stdin.IsBootstrap(s.Stdin) {
					want = contract.Foreign
				}
			}
			if got := findings.Want(types[findings.OptionsType(r.Name)], r.Name, r.Version, s.Stdin); got.Kind != want {
				t.Errorf("%s must answer %v to %x, want %s", r.ID(), got, s.Stdin, want)
			}
		}
	}
}

// startOf is a start with options of recorded.RequestedOptions, in the message given.
func startOf(family, requested string) (s grammar.Payload) {
	o := recorded.Requested(requested)
	switch {
	case family == "bootstrap":
		p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: "k8s.io", ContainerdVersion: "v2.4.2"}
		s.Bytes = recorded.Start("x", p, o.Type, o.Value)
	case o.Type != "":
		s.Bytes = grammar.PlainAny(o.Type, o.Value)
	}
	return s
}

// What an operator sees of an answer, and whether it is right. runhcs-v1 v0.15.0 is
// known to drop foreign options in an Any if it does not link their type.
func TestEffects(t *testing.T) {
	value := string(recorded.Requested("cri").Value)
	marker := string(recorded.Requested("runc").Value)
	withoutFalse := strings.TrimSuffix(string(recorded.Requested("all").Value), "\xa0\x01\x00") // scrub_logs
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
		{runhcs, "legacy", "all", "options", withoutFalse, Partly, verdict.Wrong},
		{old, "legacy", "all", "options", withoutFalse, Arrive, verdict.Right},
		{runhcs, "legacy", "cri", "none", "", Defaults, verdict.Wrong},
		{runhcs, "legacy", "cri", "error", "no", Fails, verdict.Wrong},
		{runhcs, "legacy", "cri", "panic", "no", Panics, verdict.Wrong},
		{runhcs, "legacy", "cri", "hang", "", Hangs, verdict.Wrong},
		{runhcs, "legacy", "none", "none", "", Arrive, verdict.Right},
		{runhcs, "legacy", "none", "options", "", Other, verdict.Wrong},
		{runhcs, "legacy", "runc", "error", "no", Arrive, verdict.Right},
		{runhcs, "legacy", "runc", "none", "", Defaults, verdict.Wrong},
		{runhcs, "legacy", "runtimeoptions", "error", "no", Arrive, verdict.KnownRight},
		{runhcs, "legacy", "runtimeoptions", "none", "", Defaults, verdict.Known},
		{runhcs, "legacy", "runtimeoptions", "options", "", Other, verdict.KnownDifferent},
		{runhcs, "legacy", "runtimeoptions", "panic", "no", Panics, verdict.KnownDifferent},
		{runhcs, "bootstrap", "runc", "none", "", Arrive, verdict.Right},
		{runhcs, "bootstrap", "runc", "error", "no", Fails, verdict.Wrong},
		{runhcs, "bootstrap", "cri", "options", value, Arrive, verdict.Right},

		{runc, "bootstrap", "runc", "options", marker, Arrive, verdict.Right},
		{runc, "bootstrap", "cri", "none", "", Arrive, verdict.Right},
		{runc, "bootstrap", "cri", "options", marker, Other, verdict.Wrong},
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
		if a.effect() != test.effect || a.Verdict.Kind != test.verdict {
			t.Errorf("%s answers %s %q to %s in %s: %s, %s; want %s, %s", test.reader.ID(), test.outcome, test.detail,
				test.requested, test.family,
				a.effect(), a.Verdict.Kind, test.effect, test.verdict)
		}
	}
}

// A finding explains only the answer that it predicts. A shim that drops or refuses
// more than that is a surprise; one that is right where a finding predicts a wrong
// answer shows that the finding is stale.
func TestFindingsPredict(t *testing.T) {
	lcow := readers.Reader{Name: findings.LCOW, Version: "v0.15.0"}
	for _, test := range []struct {
		what         string
		reader       readers.Reader
		ask          func([]byte) (protocol.Answer, error)
		wrong, stale int
	}{
		{"drops everything", lcow, always(protocol.Answer{Outcome: protocol.None}), 5, 0},
		{"refuses everything", lcow, always(protocol.Failed(errors.New("no UTF-8"))), 4, 2},
		{"is fixed", lcow, byTheContract, 0, 3},
		{"refuses everything for no known reason", old, always(protocol.Failed(errors.New("no"))), 4, 0},
		{"is fixed", old, byTheContract, 0, 1},
	} {
		wrong, stale := 0, 0
		for _, r := range rowOf(t, test.reader, test.ask).reports("") {
			if r.Verdict == verdict.KnownRight {
				stale++
			} else {
				wrong++
			}
		}
		if wrong != test.wrong || stale != test.stale {
			t.Errorf("%s that %s: %d groups of wrong answers, %d stale findings; want %d, %d", test.reader.ID(),
				test.what, wrong, stale, test.wrong, test.stale)
		}
	}
}

// A reader is given the cases that show its findings, and all damaged ones if what is
// predicted of these is exact.
func TestStarts(t *testing.T) {
	cases := loadCases(t)
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
		isIt := func(p grammar.Payload) bool { return p.Description == test.name }
		if got := slices.ContainsFunc(starts(test.reader, nil, cases), isIt); got != test.want {
			t.Errorf("%s is given %s: %v, want %v", test.reader.ID(), test.name, got, test.want)
		}
	}
}

// An answer that is not of the protocol is an error, not an effect; and a reader that
// cannot be run is not a shim that crashes.
func TestNotAnAnswer(t *testing.T) {
	for _, test := range []struct {
		reader          readers.Reader
		outcome, detail string
	}{
		{runhcs, "maybe", ""},
		{old, "none", "x"},
	} {
		put := always(protocol.Answer{Outcome: test.outcome, Detail: []byte(test.detail)})
		if ask(test.reader, []grammar.Payload{startOf("legacy", "runc")}, put).Err == nil {
			t.Errorf("%s may answer %s %q", test.reader.ID(), test.outcome, test.detail)
		}
	}
	unable := protocol.Answer{Outcome: protocol.Unable}
	row := ask(runhcs, []grammar.Payload{startOf("legacy", "cri")}, always(unable))
	if !errors.Is(row.Err, readers.ErrNotHere) {
		t.Error(row.Err)
	}
}

// A wrong answer is reported with what was wanted and given, and how to see it again.
func TestReport(t *testing.T) {
	wrong := rowOf(t, runc, always(protocol.Failed(errors.New("deprecated API")))).reports("build/runc")
	if len(wrong) == 0 {
		t.Fatal("no wrong answers")
	}
	report := wrong[0].String()
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

// Every finding is of a program that is run here, or of an extracted decoder, and shows in a
// case of the corpus if it names one.
func TestFindingsOfReaders(t *testing.T) {
	cases := loadCases(t)
	for _, f := range findings.All {
		for _, p := range f.Places {
			isReader := slices.ContainsFunc(readers.All(""), func(r readers.Reader) bool { return r.Name == p.Program })
			if !isReader && p.Program != findings.ReadOptions && p.Program != findings.Create {
				t.Errorf("%s: there is no reader %s", f.Name, p.Program)
			}
			if p.Payload == nil && !slices.ContainsFunc(cases, func(c corpus.Case) bool { return c.Name == p.Case }) {
				t.Errorf("%s: there is no case %s", f.Name, p.Case)
			}
		}
	}
}
