package verdict

import (
	"errors"
	"strings"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/grammar"
)

// What an answer is, by what is wanted, what was given, and what is known.
func TestOf(t *testing.T) {
	var (
		newest = findings.Of(findings.ReadOptions, "v0.15.0")
		// v0.15.0 answers none: corrupt-legacy-is-default
		damaged = grammar.PlainAny(contract.OptionsName, []byte{0x08})
		// v0.15.0 answers none: foreign-legacy-is-default
		foreign = grammar.PlainAny("runtimeoptions.v1.Options", nil)
		sane    = grammar.WithIdentity("web-1", "k8s.io", grammar.OneOption())

		none      = contract.Outcome{Kind: contract.None}
		failed    = contract.Outcome{Kind: contract.Error, Err: errors.New("no")}
		malformed = contract.Outcome{Kind: contract.Malformed}
		panicked  = contract.Outcome{Kind: contract.Panic, Panic: "index out of range"}
		other     = grammar.Sent(grammar.OneOption())
		cause     = errors.New("disk full")
	)
	without := func(finding string) findings.List {
		l, err := findings.Named("v0.15.0,-" + finding)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, test := range []struct {
		name     string
		q        Question
		got      contract.Outcome
		excused  findings.List
		want     Kind
		finding  string
		failsNow bool // in a random draw
		failsAs  bool // as a case of the corpus
	}{
		{"the right options", Question{Payload: sane.Bytes, Want: sane.Want}, sane.Want, newest, Right, "", false,
			false},
		{"no options instead", Question{Payload: sane.Bytes, Want: sane.Want}, none, newest, Wrong, "", true, true},
		{"an error instead", Question{Payload: sane.Bytes, Want: sane.Want}, failed, newest, Wrong, "", true, true},
		{"a panic", Question{Payload: sane.Bytes, Want: sane.Want}, panicked, newest, Wrong, "", true, true},

		{"wrong as predicted", Question{Payload: damaged, Want: malformed}, none, newest, Known,
			"corrupt-legacy-is-default", false, false},
		{"right where a wrong answer is predicted", Question{Payload: damaged, Want: malformed}, failed, newest,
			KnownRight, "corrupt-legacy-is-default", false, true},
		{"wrong otherwise than predicted", Question{Payload: damaged, Want: malformed}, other, newest, KnownDifferent,
			"corrupt-legacy-is-default", true, true},
		{"a panic where none is predicted", Question{Payload: damaged, Want: malformed}, panicked, newest,
			KnownDifferent, "corrupt-legacy-is-default", true, true},
		{"wrong as predicted, nothing excused", Question{Payload: damaged, Want: malformed}, none, findings.None, Wrong,
			"corrupt-legacy-is-default", true, true},
		{"wrong as predicted, this one not excused", Question{Payload: damaged, Want: malformed}, none,
			without("corrupt-legacy-is-default"), Wrong, "corrupt-legacy-is-default", true, true},
		{"wrong as predicted, another one not excused", Question{Payload: foreign,
			Want: contract.Outcome{Kind: contract.Foreign}}, none, without("corrupt-legacy-is-default"), Known,
			"foreign-legacy-is-default", false, false},
		{"wrong otherwise, nothing excused", Question{Payload: damaged, Want: malformed}, other, findings.None, Wrong,
			"", true, true},

		{"another allowed answer", Question{Want: contract.Outcome{Kind: contract.None,
			Or: []contract.Outcome{malformed}}}, failed, newest, Free, "", false, false},
		{"another allowed answer, where a wrong one is predicted", Question{Payload: damaged,
			Want: contract.Outcome{Kind: contract.Malformed, Or: []contract.Outcome{other}}}, other, newest, Free, "",
			false, false},
		{"an answer that is not allowed", Question{Want: contract.Outcome{Kind: contract.None,
			Or: []contract.Outcome{malformed}}}, other, newest, Wrong, "", true, true},

		{"the reader's error", Question{Payload: damaged, Want: contract.Outcome{Kind: contract.Read}, Cause: cause},
			contract.Outcome{Kind: contract.Error, Err: cause}, newest, Right, "", false, false},
		{"another error than the reader's", Question{Payload: damaged, Want: contract.Outcome{Kind: contract.Read},
			Cause: cause}, failed, newest, Wrong, "", true, true},
		{"none from a reader that failed", Question{Payload: damaged, Want: contract.Outcome{Kind: contract.Read},
			Cause: cause}, none, newest, Wrong, "", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := Of(test.q, test.got, newest, test.excused)
			if got := v.Fails(); got != test.failsNow {
				t.Errorf("fails a test: %v, want %v", got, test.failsNow)
			}
			test.q.Reproduces = true
			v = Of(test.q, test.got, newest, test.excused)
			name := ""
			if v.Finding != nil {
				name = v.Finding.Name
			}
			if v.Kind != test.want || name != test.finding {
				t.Errorf("%s, finding %q; want %s, %q", v.Kind, name, test.want, test.finding)
			}
			if got := v.Fails(); got != test.failsAs {
				t.Errorf("fails on a case of the corpus: %v, want %v", got, test.failsAs)
			}
		})
	}
}

// A group depends on the defect alone, as far as it is known.
func TestGroup(t *testing.T) {
	newest := findings.Of(findings.ReadOptions, "v0.15.0")
	damaged, none := grammar.PlainAny(contract.OptionsName, []byte{0x08}), contract.Outcome{Kind: contract.None}
	const stack = "\ngithub.com/x/y.(*T).f({0x1, 0x2})\n\t/y.go:1\nshimfuzz/internal/hcsshim.readOptions(0x1)"
	for _, test := range []struct {
		in      contract.Input
		b       []byte
		want    contract.Kind
		got     contract.Outcome
		excused findings.List
		group   string
	}{
		{contract.Stdin, damaged, contract.Malformed, none, findings.None,
			"malformed-fails: corrupt-legacy-is-default"},
		{contract.Create, damaged, contract.Malformed, none, findings.None,
			"malformed-fails: corrupt-legacy-is-default in Create"},
		{contract.Stdin, damaged, contract.Malformed, contract.Outcome{Kind: contract.Options}, newest,
			"malformed-fails: options for error/malformed in a legacy Any"},
		{contract.Stdin, nil, contract.None, contract.Outcome{Kind: contract.Error}, newest,
			"as-sent: error for none in a legacy Any"},
		{contract.Stdin, nil, contract.Read, none, newest, "reader-faults: none for error/read in a legacy Any"},
		{contract.Create, nil, contract.None, contract.Outcome{Kind: contract.OptionsAndError}, newest,
			"never-panics: both for none in Create"},
		{contract.Stdin, nil, contract.None, contract.Outcome{Kind: contract.Panic, Panic: "no" + stack}, newest,
			"never-panics: panic in y.(*T).f"},
		{contract.Stdin, nil, contract.None, contract.Outcome{Kind: contract.Panic,
			Panic: "runtime error: index out of range [1] with length 1" + stack}, newest,
			"never-panics: out of range in y.(*T).f"},
	} {
		q := Question{Payload: test.b, Input: test.in, Want: contract.Outcome{Kind: test.want}}
		if r := Of(q, test.got, newest, test.excused).Report(q, test.got, contract.Equivalent,
			newest); r.Group.String() != test.group {
			t.Errorf("%s, want %s", r.Group, test.group)
		}
	}
}

// A report says what, why, where and what to do, and how to see it again.
func TestReport(t *testing.T) {
	newest := findings.Of(findings.ReadOptions, "v0.15.0")
	q := Question{Payload: grammar.PlainAny(contract.OptionsName, []byte{0x08}),
		Want: contract.Outcome{Kind: contract.Malformed}, Reproduces: true}
	got := contract.Outcome{Kind: contract.Error, Err: errors.New("no")}
	r := Of(q, got, newest, newest).Report(q, got, contract.MalformedFails, newest)
	r.Program, r.Description, r.Replay = "hcsshim v0.15.0", "a cut payload", "make repro CASE=x.bin"
	for _, want := range []string{
		"verdict    known, but right\n", "finding    corrupt-legacy-is-default: ", "guarantee  malformed-fails: ",
		"program    hcsshim v0.15.0\n",
		"want       error/malformed\n", "got        error: no\n", "FINDINGS=v0.15.0,-corrupt-legacy-is-default",
		"payload    a cut payload; 33 bytes, read as a legacy Any:\n",
		"hex        0a1c636f", "replay     make repro CASE=x.bin\n",
	} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("%q is not in:\n%s", want, r)
		}
	}
}
