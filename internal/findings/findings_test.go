package findings

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

func TestNamed(t *testing.T) {
	all := len(Of(ReadOptions, Newest).Findings())
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
		{Newest + ",-start-hides-refusal", all, false}, // the program's
		{Newest + ",-foreign-type-panics", all, false}, // Create's
		{Newest + ",-identity-misread@runhcs-v1", all - 1, false},
		{Newest + ",-group-hides-bad-field-number@lcow-v2", all, false},
		{Newest + ",-identity-misread@lcow-v2", 0, true},
		{"v0.14.1,-lcow-v2-legacy-is-default", 0, true},
		{Newest + ",-legacy-refused", 0, true}, // containerd's
		{Newest + ",start-hides-refusal", 0, true},
		{"all", 0, true},
	} {
		list, err := Named(test.name)
		if (err != nil) != test.fails || len(list.Findings()) != test.count {
			t.Errorf("Named(%q): %d findings, %v; want %d, error %v", test.name, len(list.Findings()), err, test.count,
				test.fails)
		}
	}
}

// A list is that of one program at a time, and what it leaves out it leaves out
// of all of them.
func TestFor(t *testing.T) {
	for _, test := range []struct {
		list, program, finding string
		want                   bool
	}{
		{"v0.15.0", RunHCS, "start-hides-refusal", true},
		{"v0.15.0,-start-hides-refusal", RunHCS, "start-hides-refusal", false},
		{"v0.15.0,-start-hides-refusal", RunHCS, "debug-type-file-panics", true},
		{"v0.15.0", LCOW, "lcow-v2-legacy-is-default", true},
		{"v0.15.0", ReadOptions, "lcow-v2-legacy-is-default", false},
		{"v0.15.0", ReadOptions, "foreign-type-panics", false},
		{"v0.15.0", Create, "foreign-type-panics", true},
		{"v0.15.0,-foreign-type-panics", Create, "foreign-type-panics", false},
		{"v0.14.1", LCOW, "lcow-v2-legacy-is-default", false},
		{"none", RunHCS, "start-hides-refusal", false},
	} {
		l, err := Named(test.list)
		if err != nil {
			t.Fatal(err)
		}
		if got := All.For(l, test.program).Has(test.finding); got != test.want {
			t.Errorf("%s of %s has %s: %v, want %v", test.list, test.program, test.finding, got, test.want)
		}
	}
}

// A checkout has what the newest release has.
func TestOfCheckout(t *testing.T) {
	for _, test := range []struct {
		program, version, finding string
		want                      bool
	}{
		{ReadOptions, "", "identity-misread", true},
		{ReadOptions, "", "bootstrap-rejected", false},
		{RunHCS, "/home/me/hcsshim", "bootstrap-rejected", false},
		{RunHCS, "/home/me/hcsshim", "foreign-legacy-is-default", true},
		{RunHCS, "v0.11.7", "bootstrap-rejected", true},
		{PkgShim, "v2.4.2", "legacy-read-as-bootstrap", false},
	} {
		if got := Of(test.program, test.version).Has(test.finding); got != test.want {
			t.Errorf("%s %q has %s: %v, want %v", test.program, test.version, test.finding, got, test.want)
		}
	}
}

// A finding excuses the answer that it predicts and no other: not a panic, not
// other options, not an error where it predicts none.
func TestPredictionIsExact(t *testing.T) {
	corrupt := grammar.PlainAny(contract.OptionsName, []byte{0x08})
	finding, predicted := Of(ReadOptions, "v0.15.0").Predict(corrupt, contract.Outcome{Kind: contract.Malformed})
	if finding == nil || finding.Name != "corrupt-legacy-is-default" {
		t.Fatalf("Predict: %v", finding)
	}
	for _, wrong := range []contract.Outcome{
		{Kind: contract.Panic, Panic: "x"}, {Kind: contract.Error}, grammar.Sent(grammar.OneOption()),
		{Kind: contract.OptionsAndError},
	} {
		if Matches(predicted, wrong) {
			t.Errorf("%v is excused where %v is predicted", wrong.Kind, predicted.Kind)
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
		{"no type", any("", wire.Bool(1, true)), "", contract.Foreign},
		{"an ID that is a linked type", grammar.WithIdentity("google.protobuf.Any", "p1", nil).Bytes,
			"foreign-type-panics", contract.Panic},
		{"a bad number in a group", any(contract.OptionsName, badGroup), "group-hides-bad-field-number",
			contract.Options},
		{"the same in another type", any("a.B", badGroup), "", contract.Foreign},
	} {
		want := reference.CreateAnswer(test.payload)
		f, got := Of(Create, Newest).Predict(test.payload, want)
		name := ""
		if f != nil {
			name = f.Name
		}
		if name != test.finding || got.Kind != test.got {
			t.Errorf("%s: finding %q, %v; want %q, %s", test.name, name, got, test.finding, test.got)
		}
	}
}

// A predicted error may name a part of its text.
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
		{contract.Outcome{Kind: contract.Panic, Panic: "a"}, contract.Outcome{Kind: contract.Panic, Panic: "ab"}, true},
		{contract.Outcome{Kind: contract.Panic, Panic: "a"}, contract.Outcome{Kind: contract.Panic, Panic: "b"}, false},
	} {
		if got := Matches(test.predicted, test.got); got != test.want {
			t.Errorf("%v predicted, %v given: %v, want %v", test.predicted, test.got, got, test.want)
		}
	}
}

// A right answer is never predicted to be wrong.
func TestNothingPredictedForPlainPayloads(t *testing.T) {
	opts := grammar.OneOption()
	for _, b := range [][]byte{
		grammar.WithIdentity("web-1", "k8s.io", opts).Bytes,
		grammar.PlainAny(contract.OptionsName, stdin.OptionsBytes(grammar.WithIdentity("a", "b", opts).Bytes)),
		wire.Message{wire.String(4, "2.3.7")}.Encode(),
		nil,
	} {
		want := grammar.Sent(opts)
		if len(b) < 10 {
			want = grammar.Sent(nil)
		}
		if f, _ := Of(ReadOptions, "v0.15.0").Predict(b, want); f != nil {
			t.Errorf("%s is predicted for %x", f.Name, b)
		}
	}
}

// A finding of lcow-v2 explains only what it says.
func TestLCOW(t *testing.T) {
	opts := grammar.OneOption()
	sent := grammar.WithIdentity("web-1", "k8s.io", opts).Bytes
	for _, test := range []struct {
		payload []byte
		want    string
	}{
		{grammar.PlainAny(contract.OptionsName, stdin.OptionsBytes(sent)), "lcow-v2-loses-legacy-options"},
		{grammar.PlainAny("containerd.runc.v1.Options", nil), "lcow-v2-legacy-is-default"},
		{sent, ""},
		{nil, ""},
	} {
		got := ""
		if f, _ := Of(LCOW, Newest).Predict(test.payload, reference.Answer(test.payload)); f != nil {
			got = f.Name
		}
		if got != test.want {
			t.Errorf("%x is explained by %q, want %q", test.payload, got, test.want)
		}
	}
}

// containerd 2.3's pkg/shim goes on with what it decoded before a fault, wherever the
// fault is; 2.4 reports it.
func TestDamageIgnored(t *testing.T) {
	opts := grammar.OneOption()
	sent := grammar.WithIdentity("web-1", "k8s.io", opts).Bytes
	fault := []byte{0x0e} // wire type 6
	damagedOptions := wire.Sub(8, wire.Sub(1, wire.String(1, contract.OptionsName), wire.Bytes(2, fault)))
	large := wire.String(7, strings.Repeat("x", maxPkgShim))
	runc := grammar.PlainAny(runcOptions, wire.Message{wire.String(3, strings.Repeat("x", 128))}.Encode())
	join := func(a, b []byte) []byte { return slices.Concat(a, b) }
	for _, test := range []struct {
		name             string
		program, version string
		payload          []byte
		finding          string
		got              contract.Outcome
	}{
		{"a fault before the options", PkgShim, "v2.3.7", join(fault, sent), "damage-ignored", none},
		{"a fault in an extension", PkgShim, "v2.3.7", wire.Message{wire.String(4, "2.3.7"),
			wire.Bytes(8, fault)}.Encode(), "damage-ignored", none},
		{"a fault behind the options", PkgShim, "v2.3.7", join(sent, fault), "damage-ignored", grammar.Sent(opts)},
		{"a fault in the options", PkgShim, "v2.3.7", wire.Message{damagedOptions}.Encode(), "",
			contract.Outcome{Kind: contract.Malformed}},
		{"a fault in and behind the options", PkgShim, "v2.3.7", join(wire.Message{damagedOptions}.Encode(), fault), "",
			contract.Outcome{Kind: contract.Malformed}},
		{"options beyond the limit", PkgShim, "v2.3.7", join(wire.Message{large}.Encode(), sent), "end-unread", none},
		{"options beyond the limit, which cuts a field", PkgShim, "v2.4.2", join(wire.Message{large}.Encode(), sent),
			"end-unread", failed},
		{"options beyond the limit, which cuts none", PkgShim, "v2.4.2", behindUnread(contract.OptionsName, nil),
			"end-unread", none},
		{"options before the limit", PkgShim, "v2.3.7", join(sent, wire.Message{large}.Encode()), "",
			grammar.Sent(opts)},
		{"a legacy payload with a fault", PkgShim, "v2.3.7", join(grammar.PlainAny(contract.OptionsName, nil), fault),
			"damage-ignored", none},
		{"a whole legacy payload", PkgShim, "v2.3.7", grammar.PlainAny(contract.OptionsName, nil),
			"legacy-read-as-bootstrap", none},
		{"the same fault", PkgShim, "v2.4.2", join(fault, sent), "", contract.Outcome{Kind: contract.Malformed}},
		{"runc's options that are no UTF-8", RuncV2, "v2.3.7", runc, "legacy-read-as-bootstrap",
			contract.Outcome{Kind: contract.Options}},
		{"runc's options and a fault", RuncV2, "v2.3.7", join(runc, fault), "damage-ignored", none},
	} {
		want := reference.Answer(test.payload)
		f, got := Of(test.program, test.version).Predict(test.payload, want)
		name := ""
		if f != nil {
			name = f.Name
		}
		if name != test.finding || contract.Diff(test.got, got, nil) != "" {
			t.Errorf("%s: finding %q, %v; want %q, %v", test.name, name, got, test.finding, test.got)
		}
	}
}

// rust-extensions reads field 2 of any message as runc's Options, of which it uses a
// cgroup.
func TestRustExtensions(t *testing.T) {
	cgroup := wire.String(3, "c")
	any := func(url string, value ...wire.Part) []byte {
		return grammar.PlainAny(url, wire.Message(value).Encode())
	}
	otherEnd := wire.Raw([]byte{0x7b, 0x74}) // of field 15's group and of field 14's
	inAny := func(url string, more ...wire.Part) []byte {
		return append(any(url, cgroup), wire.Message(more).Encode()...)
	}
	options := contract.Outcome{Kind: contract.Options}
	for _, test := range []struct {
		name    string
		payload []byte
		want    contract.Kind
		finding string
		got     contract.Outcome
	}{
		{"its own options", any(runcOptions, cgroup), contract.Options, "", options},
		{"others with a cgroup", any("a.B", cgroup), contract.Foreign, "type-url-ignored", options},
		{"others with two", any("a.B", cgroup, wire.String(3, "")), contract.Foreign, "type-url-ignored", none},
		{"others without one", any("a.B", wire.Bool(1, true)), contract.Foreign, "type-url-ignored", none},
		{"others, damaged", any("a.B", wire.Raw([]byte{8})), contract.Foreign, "",
			contract.Outcome{Kind: contract.Foreign}},
		{"a namespace that is none", inNamespace("k8s.io")(), contract.Options, "bootstrap-rejected",
			contract.Outcome{Kind: contract.Error, Err: errors.New("IncorrectTag(46)")}},
		{"another", inNamespace("moby")(), contract.Options, "bootstrap-rejected", failed},
		{"a namespace of one field", inNamespace("inference")(), contract.Options, "identity-misread", none},
		{"another group's end", inAny(runcOptions, otherEnd), contract.Malformed, "group-ends-unmatched", options},
		{"the same twice", inAny(runcOptions, otherEnd, otherEnd), contract.Malformed, "group-ends-unmatched", options},
		{"a group's end and a fault", inAny(runcOptions, otherEnd, wire.Raw([]byte{8})), contract.Malformed, "",
			contract.Outcome{Kind: contract.Malformed}},
		{"no group's end", inAny(runcOptions, wire.Raw([]byte{0x7b})), contract.Malformed, "",
			contract.Outcome{Kind: contract.Malformed}},
		{"a stray one", inAny(runcOptions, wire.Raw([]byte{0x7c})), contract.Malformed, "",
			contract.Outcome{Kind: contract.Malformed}},
	} {
		f, got := Of(RustExtensions, "v0.11.0").Predict(test.payload, contract.Outcome{Kind: test.want})
		name := ""
		if f != nil {
			name = f.Name
		}
		if name != test.finding || !Matches(test.got, got) && contract.Diff(test.got, got, nil) != "" {
			t.Errorf("%s: finding %q, %v; want %q, %v", test.name, name, got, test.finding, test.got)
		}
	}
}

// Every place has a case or a payload, and what it says of versions makes sense.
func TestAll(t *testing.T) {
	names := make(map[string]bool)
	for _, f := range All {
		if names[f.Name] || f.Effect == "" || f.Breaks.Name == "" || len(f.Places) == 0 {
			t.Errorf("%s is listed twice, or says too little", f.Name)
		}
		names[f.Name] = true
		for _, p := range f.Places {
			if (p.Case == "") == (p.Payload == nil) || p.From == "" || (p.Predict == nil) != (p.Command != "") {
				t.Errorf("%s in %s: want one of Case and Payload, From, and one of Command and a prediction", f.Name,
					p.Program)
			}
		}
	}
}

// The list of one release, as a program finds it.
func ExampleOf() {
	for _, f := range Of(ReadOptions, "v0.14.1").Findings() {
		place, _ := f.In(ReadOptions)
		fmt.Println(f.Name, place.Versions())
	}
	// Output:
	// bootstrap-rejected from v0.12.0 to before v0.15.0-rc.4
	// foreign-type-panics from v0.12.0 to before v0.15.0-rc.4
	// identity-misread since v0.12.0
	// group-hides-bad-field-number since v0.12.0
}

// docs/findings.md has every finding, with the case of each of its places.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range All {
		for _, p := range f.Places {
			row := func(line string) bool {
				return strings.HasPrefix(line, "| "+f.Name+" |") && strings.Contains(line, p.Case)
			}
			if !slices.ContainsFunc(strings.Split(string(text), "\n"), row) {
				t.Errorf("docs/findings.md has no row for %s in %s with the case %s", f.Name, p.Program, p.Case)
			}
		}
	}
}
