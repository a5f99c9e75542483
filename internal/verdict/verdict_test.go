package verdict

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// What an answer is, by what is wanted, what was given, and what is known.
func TestOf(t *testing.T) {
	var (
		newest = findings.All.Of(findings.ReadOptions, "v0.15.0")
		// v0.15.0 answers none: corrupt-legacy-is-default
		damaged = grammar.PlainAny(contract.OptionsName, []byte{0x08})
		// v0.15.0 answers none: foreign-legacy-is-default
		foreign = grammar.PlainAny("runtimeoptions.v1.Options", nil)
		// v0.15.0 answers Options without a field: identity-misread
		clash = grammar.WithIdentity(contract.OptionsName, "inference", grammar.OneOption()).Bytes
		// v0.15.0 answers these, too; protobuf's own defect shows where that is mended
		badGroup = wire.Group(30, wire.Tag(1<<29, 0), wire.Raw([]byte{1}))
		both     = slices.Concat(clash, wire.Message{badGroup}.Encode())

		sane = grammar.WithIdentity("web-1", "k8s.io", grammar.OneOption())

		none      = contract.Outcome{Kind: contract.None}
		failed    = contract.Outcome{Kind: contract.Error, Err: errors.New("no")}
		malformed = contract.Outcome{Kind: contract.Malformed}
		panicked  = contract.Outcome{Kind: contract.Panic, Panic: "index out of range"}
		other     = grammar.Sent(grammar.OneOption())
		cause     = errors.New("disk full")
		read      = contract.Outcome{Kind: contract.Read, Err: cause}
	)
	const corrupt = "corrupt-legacy-is-default"
	without, err := findings.Named("v0.15.0,-" + corrupt)
	if err != nil {
		t.Fatal(err)
	}
	or := func(want contract.Kind, other contract.Outcome) contract.Outcome {
		return contract.Outcome{Kind: want, Or: []contract.Outcome{other}}
	}
	for _, test := range []struct {
		name      string
		payload   []byte
		want, got contract.Outcome
		excused   findings.List
		kind      Kind
		finding   string
	}{
		{"the right options", sane.Bytes, sane.Want, sane.Want, newest, Right, ""},
		{"no options instead", sane.Bytes, sane.Want, none, newest, Wrong, ""},
		{"an error instead", sane.Bytes, sane.Want, failed, newest, Wrong, ""},
		{"a panic", sane.Bytes, sane.Want, panicked, newest, Wrong, ""},

		{"wrong as predicted", damaged, malformed, none, newest, Known, corrupt},
		{"right where a wrong answer is predicted", damaged, malformed, failed, newest, KnownRight, corrupt},
		{"right, with a text of its own", damaged, contract.Outcome{Kind: contract.Malformed, Err: cause}, failed,
			newest, KnownRight, corrupt},
		{"wrong otherwise than predicted", damaged, malformed, other, newest, KnownDifferent, corrupt},
		{"a panic where none is predicted", damaged, malformed, panicked, newest, KnownDifferent, corrupt},
		{"wrong as predicted, nothing excused", damaged, malformed, none, findings.None, Wrong, corrupt},
		{"wrong as predicted, this one not excused", damaged, malformed, none, without, Wrong, corrupt},
		{"wrong as predicted, another one not excused", foreign, contract.Outcome{Kind: contract.Foreign}, none,
			without, Known, "foreign-legacy-is-default"},
		{"wrong otherwise, nothing excused", damaged, malformed, other, findings.None, Wrong, ""},

		{"wrong as an excused finding would be if another were mended", both, malformed, other, newest, KnownRight,
			"identity-misread"},
		{"the same, nothing excused", both, malformed, other, findings.None, Wrong, "group-hides-bad-field-number"},
		{"wrong as the first of two findings predicts", both, malformed, grammar.Sent(new(options.Options)),
			findings.None, Wrong, "identity-misread"},
		{"right where two findings affect the payload", both, malformed, failed, newest, KnownRight,
			"identity-misread"},

		{"another allowed answer", nil, or(contract.None, malformed), failed, newest, Free, ""},
		{"another allowed answer, where a wrong one is predicted", damaged, or(contract.Malformed, other), other,
			newest, Free, ""},
		{"an answer that is not allowed", nil, or(contract.None, malformed), other, newest, Wrong, ""},

		{"the reader's error", damaged, read, contract.Outcome{Kind: contract.Error, Err: cause}, newest, Right, ""},
		{"another error than the reader's", damaged, read, failed, newest, Wrong, ""},
		{"none from a reader that failed", damaged, read, none, newest, Wrong, ""},
		{"what a finding predicts, from a reader that failed", clash, read, grammar.Sent(new(options.Options)), newest,
			Wrong, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := grammar.Payload{Bytes: test.payload, Want: test.want}
			fails := test.kind == Wrong || test.kind == KnownDifferent ||
				test.kind == KnownRight && !contract.Right(test.want, test.got)
			if got := Of(p, test.got, newest, test.excused).Fails(); got != fails {
				t.Errorf("fails in a random draw: %v, want %v", got, fails)
			}
			v := OfCase(p, test.got, newest, test.excused)
			name := ""
			if v.Finding != nil {
				name = v.Finding.Name
			}
			if v.Kind != test.kind || name != test.finding {
				t.Errorf("%s, finding %q; want %s, %q", v.Kind, name, test.kind, test.finding)
			}
			if fails = fails || test.kind == KnownRight; v.Fails() != fails {
				t.Errorf("fails as a case of the corpus: %v, want %v", v.Fails(), fails)
			}
		})
	}
}

// A group depends on the defect alone, as far as it is known.
func TestGroup(t *testing.T) {
	newest := findings.All.Of(findings.ReadOptions, "v0.15.0")
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
		p := grammar.Payload{Bytes: test.b, Input: test.in, Want: contract.Outcome{Kind: test.want}}
		if r := Of(p, test.got, newest, test.excused).Report(p, test.got, contract.Equivalent,
			newest); r.Group != test.group {
			t.Errorf("%s, want %s", r.Group, test.group)
		}
	}
}

// A report says what, why, where and what to do, and how to see it again.
func TestReport(t *testing.T) {
	newest := findings.All.Of(findings.ReadOptions, "v0.15.0")
	p := grammar.Payload{Bytes: grammar.PlainAny(contract.OptionsName, []byte{0x08}), Description: "a cut payload",
		Want: contract.Outcome{Kind: contract.Malformed}}
	got := contract.Outcome{Kind: contract.Error, Err: errors.New("no")}
	r := OfCase(p, got, newest, newest).Report(p, got, contract.MalformedFails, newest)
	r.Program, r.Replay = "hcsshim v0.15.0", "make repro CASE=x.bin"
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
