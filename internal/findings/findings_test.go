package findings

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

func TestNamed(t *testing.T) {
	all := len(All.Of(ReadOptions, Newest).Findings)
	for _, test := range []struct {
		name  string
		count int
		fails bool
	}{
		{"none", 0, false},
		{Newest, all, false},
		{Newest + ",-identity-misread", all - 1, false},
		{Newest + ",-identity-misread,-untyped-is-default", all - 2, false},
		{Newest + ",-bootstrap-rejected", 0, true},
		{Newest + ",-foreign-type-panics", all, false},           // Create's
		{Newest + ",-start-hides-refusal@runhcs-v1", all, false}, // of the lab
		{Newest + ",-start-hides-refusal", 0, true},
		{Newest + ",-identity-misread@runhcs-v1", all - 1, false},
		{Newest + ",-group-hides-bad-field-number@readOptions", all - 1, false},
		{Newest + ",-group-hides-bad-field-number@Create", all, false},
		{Newest + ",-group-hides-bad-field-number@lcow-v2", all, false},
		{Newest + ",-identity-misread@Create", 0, true},
		{Newest + ",-identity-misread@", 0, true},
		{Libraries, 1, false},
		{"v9.9.9", 0, true},
		{"v0.11.9", 0, true},
		{Newest + ",-legacy-refused", 0, true}, // containerd's
		{Newest + ",start-hides-refusal", 0, true},
		{"all", 0, true},
	} {
		list, err := Named(test.name)
		if (err != nil) != test.fails || len(list.Findings) != test.count {
			t.Errorf("Named(%q): %d findings, %v; want %d, error %v", test.name, len(list.Findings), err, test.count,
				test.fails)
		}
	}
}

// A list is that of one program at a time, and what it leaves out it leaves out of all of
// them. A checkout has what the newest release has.
func TestHas(t *testing.T) {
	named := func(name, program string) List {
		l, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		return All.For(l, program)
	}
	for _, test := range []struct {
		list    List
		finding string
		want    bool
	}{
		{named("v0.15.0", ReadOptions), "foreign-type-panics", false},
		{named("v0.15.0", Create), "foreign-type-panics", true},
		{named("v0.15.0,-foreign-type-panics", Create), "foreign-type-panics", false},
		{named("none", Create), "foreign-type-panics", false},
		{named("libraries", Create), "foreign-type-panics", false},
		{named("libraries", Create), "group-hides-bad-field-number", true},
		{named("v0.15.0,-group-hides-bad-field-number@readOptions", Create), "group-hides-bad-field-number", true},
		{named("v0.15.0,-group-hides-bad-field-number@Create", Create), "group-hides-bad-field-number", false},
		{All.Of(ReadOptions, ""), "identity-misread", true},
		{All.Of(ReadOptions, ""), "bootstrap-rejected", false},
		{All.Of(ReadOptions, "/home/me/hcsshim"), "bootstrap-rejected", false},
		{All.Of(ReadOptions, "/home/me/hcsshim"), "foreign-legacy-is-default", true},
	} {
		if got := test.list.Has(test.finding); got != test.want {
			t.Errorf("%s has %s: %v, want %v", test.list.Name, test.finding, got, test.want)
		}
	}
}

// Where a CreateTaskRequest is handled any other linked type panics, if its value
// decodes; and what is not linked, or does not decode, is an error.
func TestCreate(t *testing.T) {
	badGroup := wire.Group(30, wire.Tag(1<<29, 0), wire.Raw([]byte{1}))
	any := func(url string, value ...wire.Part) []byte {
		return grammar.PlainAny(url, wire.Message(value).Encode())
	}
	for _, test := range []struct {
		name    string
		payload []byte
		finding string
		got     contract.Kind
	}{
		{"none", nil, "", contract.None},
		{"Options", any(contract.OptionsName), "", contract.Options},
		{"a linked type", any("google.protobuf.Any"), "foreign-type-panics", contract.Panic},
		{"a linked type, its value damaged", any("google.protobuf.Any", wire.Raw([]byte{8})), "", contract.Foreign},
		{"a type that is not linked", any("runtimeoptions.v1.Options"), "", contract.Foreign},
		{"no type", any("", wire.Varint(1, 1)), "", contract.Foreign},
		{"an ID that is a linked type", grammar.WithIdentity("google.protobuf.Any", "p1", nil).Bytes,
			"foreign-type-panics", contract.Panic},
		{"a bad number in a group", any(contract.OptionsName, badGroup), "group-hides-bad-field-number",
			contract.Options},
		{"the same in another type", any("a.B", badGroup), "", contract.Foreign},
	} {
		want := reference.RunHCS.Want(contract.Create, test.payload)
		f, got := All.Of(Create, Newest).Predict(test.payload, want)
		name := ""
		if f != nil {
			name = f.Name
		}
		if name != test.finding || got.Kind != test.got {
			t.Errorf("%s: finding %q, %v; want %q, %s", test.name, name, got, test.finding, test.got)
		}
	}
}

// A finding excuses the answer that it predicts and no other. A predicted error may name a
// part of its text.
func TestMatches(t *testing.T) {
	failed := func(text string) contract.Outcome {
		return contract.Outcome{Kind: contract.Error, Err: errors.New(text)}
	}
	for _, test := range []struct {
		predicted, got contract.Outcome
		want           bool
	}{
		{failed("not found"), failed("web-1: not found"), true},
		{failed("not found"), failed("no"), false},
		{contract.Outcome{Kind: contract.Error}, failed("no"), true},
		{failed("not found"), grammar.Sent(nil), false},
		{grammar.Sent(nil), grammar.Sent(nil), true},
		{grammar.Sent(nil), failed("no"), false},
		{grammar.Sent(grammar.OneOption()), grammar.Sent(new(options.Options)), false},
		{grammar.Sent(nil), grammar.Sent(grammar.OneOption()), false},
		{grammar.Sent(nil), contract.Outcome{Kind: contract.OptionsAndError}, false},
		{grammar.Sent(nil), contract.Outcome{Kind: contract.Panic, Panic: "x"}, false},
		{contract.Outcome{Kind: contract.Panic, Panic: "a"}, contract.Outcome{Kind: contract.Panic, Panic: "ab"}, true},
		{contract.Outcome{Kind: contract.Panic, Panic: "a"}, contract.Outcome{Kind: contract.Panic, Panic: "b"}, false},
	} {
		if got := Matches(test.predicted, test.got); got != test.want {
			t.Errorf("%v predicted, %v given: %v, want %v", test.predicted, test.got, got, test.want)
		}
	}
}

// The list of one release, as a program finds it.
func ExampleCatalogue_Of() {
	for _, f := range All.Of(ReadOptions, "v0.14.1").Findings {
		place, _ := f.In(ReadOptions)
		fmt.Printf("%s, since %s\n", f.Name, place.From)
	}
	// Output:
	// bootstrap-rejected, since v0.12.0
	// foreign-type-panics, since v0.12.0
	// identity-misread, since v0.12.0
	// group-hides-bad-field-number, since v0.12.0
}

// Every finding is listed once, is one of readOptions or of CreateTask, and is in
// docs/findings.md with the case of each of its places.
func TestAll(t *testing.T) {
	text, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, f := range All {
		if names[f.Name] {
			t.Errorf("%s is listed twice", f.Name)
		}
		names[f.Name] = true
		for _, p := range f.Places {
			if p.Program != ReadOptions && p.Program != Create {
				t.Errorf("%s is one of %s, whose findings are in lab/compat/findings", f.Name, p.Program)
			}
			row := regexp.MustCompile(`(?m)^\| ` + f.Name + ` \|.*\b` + p.Case + `\b`)
			if !row.Match(text) {
				t.Errorf("docs/findings.md has no row for %s in %s with the case %s", f.Name, p.Program, p.Case)
			}
		}
	}
}
