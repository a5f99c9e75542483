package findings

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// A user's list leaves out what there is in a shim of that release.
func TestNamed(t *testing.T) {
	for _, test := range []struct {
		list, program, finding string
		want, fails            bool
	}{
		{"v0.15.0", RunHCS, "start-hides-refusal", true, false},
		{"v0.15.0,-start-hides-refusal", RunHCS, "start-hides-refusal", false, false},
		{"v0.15.0,-start-hides-refusal", RunHCS, "debug-type-file-panics", true, false},
		{"v0.15.0,-log-level-echoed@lcow-v2", RunHCS, "log-level-echoed", true, false},
		{"v0.15.0,-log-level-echoed@lcow-v2", LCOW, "log-level-echoed", false, false},
		{"v0.15.0,-group-hides-bad-field-number@runhcs-v1", LCOW, "group-hides-bad-field-number", true, false},
		{"v0.15.0,-group-hides-bad-field-number@runhcs-v1", RunHCS, "group-hides-bad-field-number", false, false},
		{"v0.15.0,-group-hides-bad-field-number@runhcs-v1", Create, "group-hides-bad-field-number", false, false},
		{"v0.15.0,-identity-misread", ReadOptions, "identity-misread", false, false},
		{"v0.15.0", LCOW, "lcow-v2-legacy-is-default", true, false},
		{"v0.15.0", ReadOptions, "lcow-v2-legacy-is-default", false, false},
		{"v0.14.1", LCOW, "lcow-v2-legacy-is-default", false, false},
		{"v0.14.1,-lcow-v2-legacy-is-default", LCOW, "", false, true},
		{"v0.15.0,-identity-misread@lcow-v2", LCOW, "", false, true},
		{"v0.15.0,-legacy-refused", PkgShim, "", false, true}, // containerd's
		{"none", RunHCS, "start-hides-refusal", false, false},
	} {
		l, err := All.Named(test.list)
		if got := All.For(l, test.program).Has(test.finding); got != test.want || (err != nil) != test.fails {
			t.Errorf("%s of %s has %s: %v, %v; want %v", test.list, test.program, test.finding, got, err, test.want)
		}
	}
}

// A checkout has what the newest release has.
func TestOfCheckout(t *testing.T) {
	for _, test := range []struct {
		program, version, finding string
		want                      bool
	}{
		{RunHCS, "/home/me/hcsshim", "bootstrap-rejected", false},
		{RunHCS, "/home/me/hcsshim", "foreign-legacy-is-default", true},
		{RunHCS, "v0.11.7", "bootstrap-rejected", true},
		{PkgShim, "v2.4.2", "legacy-read-as-bootstrap", false},
	} {
		if got := All.Of(test.program, test.version).Has(test.finding); got != test.want {
			t.Errorf("%s %q has %s: %v, want %v", test.program, test.version, test.finding, got, test.want)
		}
	}
}

// The suite takes the names of those findings of hcsshim's shims that it does not have, and
// of no others.
func TestElsewhere(t *testing.T) {
	var want []string
	for _, f := range others {
		for _, p := range f.Places {
			name := f.Name + "@" + strings.TrimPrefix(p.Program, "hcsshim ")
			isPart := slices.ContainsFunc(findings.All, func(k Finding) bool { return k.Name+"@runhcs-v1" == name })
			if strings.HasPrefix(p.Program, "hcsshim ") && !isPart {
				want = append(want, name)
			}
		}
	}
	if got := findings.Elsewhere; !slices.Equal(got, want) {
		t.Errorf("findings.Elsewhere is\n%q, want\n%q", got, want)
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
		if f, _ := All.Of(LCOW, Newest).Predict(test.payload, reference.Answer(test.payload)); f != nil {
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
	runc := grammar.PlainAny(RuncOptions, wire.Message{wire.String(3, strings.Repeat("x", 128))}.Encode())
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
		{"options beyond the limit, which cuts none", PkgShim, "v2.4.2", behindUnread(contract.OptionsName)(),
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
		f, got := All.Of(test.program, test.version).Predict(test.payload, want)
		name := ""
		if f != nil {
			name = f.Name
		}
		if name != test.finding || contract.Diff(test.got, got) != "" {
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
		{"its own options", any(RuncOptions, cgroup), contract.Options, "", options},
		{"others with a cgroup", any("a.B", cgroup), contract.Foreign, "type-url-ignored", options},
		{"others with two", any("a.B", cgroup, wire.String(3, "")), contract.Foreign, "type-url-ignored", none},
		{"others without one", any("a.B", wire.Varint(1, 1)), contract.Foreign, "type-url-ignored", none},
		{"others, damaged", any("a.B", wire.Raw([]byte{8})), contract.Foreign, "",
			contract.Outcome{Kind: contract.Foreign}},
		{"a namespace that is none", inNamespace("k8s.io")(), contract.Options, "bootstrap-rejected",
			contract.Outcome{Kind: contract.Error, Err: errors.New("IncorrectTag(46)")}},
		{"another", inNamespace("moby")(), contract.Options, "bootstrap-rejected", failed},
		{"a namespace of one field", inNamespace("inference")(), contract.Options, "identity-misread", none},
		{"another group's end", inAny(RuncOptions, otherEnd), contract.Malformed, "group-ends-unmatched", options},
		{"the same twice", inAny(RuncOptions, otherEnd, otherEnd), contract.Malformed, "group-ends-unmatched", options},
		{"a group's end and a fault", inAny(RuncOptions, otherEnd, wire.Raw([]byte{8})), contract.Malformed, "",
			contract.Outcome{Kind: contract.Malformed}},
		{"no group's end", inAny(RuncOptions, wire.Raw([]byte{0x7b})), contract.Malformed, "",
			contract.Outcome{Kind: contract.Malformed}},
		{"a stray one", inAny(RuncOptions, wire.Raw([]byte{0x7c})), contract.Malformed, "",
			contract.Outcome{Kind: contract.Malformed}},
	} {
		f, got := All.Of(RustExtensions, "v0.11.0").Predict(test.payload, contract.Outcome{Kind: test.want})
		name := ""
		if f != nil {
			name = f.Name
		}
		if name != test.finding || !findings.Matches(test.got, got) && contract.Diff(test.got, got) != "" {
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

// docs/findings.md has every finding, with the case of each of its places.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../../docs/findings.md")
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

// Options of a type are the value of an Any that names it, or that of an extension, and
// damaged if that is no message.
func TestWantOf(t *testing.T) {
	anyOf := func(url string, value ...wire.Part) wire.Message {
		return wire.Message{wire.String(1, url), wire.Sub(2, value...)}
	}
	params := func(extensions ...wire.Message) wire.Message {
		m := wire.Message{wire.String(1, "a.Options"), wire.String(4, "2.3")}
		for _, e := range extensions {
			m = append(m, wire.Sub(8, wire.Sub(1, e...)))
		}
		return m
	}
	cut := wire.Raw([]byte{0x0a, 0x05})
	for _, test := range []struct {
		name string
		m    wire.Message
		want contract.Kind
	}{
		{"nothing", nil, contract.None},
		{"an Any", anyOf("a.Options", wire.Varint(1, 1)), contract.Options},
		{"an Any without a value", wire.Message{wire.String(1, "a.Options")}, contract.Options},
		{"an Any with a URL", anyOf("example.com/a.Options"), contract.Options},
		{"an Any of a damaged value", anyOf("a.Options", cut), contract.Malformed},
		{"an Any of another type", anyOf("b.Options"), contract.None},
		{"an Any of a longer name", anyOf("x.a.Options"), contract.None},
		{"BootstrapParams whose ID is the type's name", params(), contract.None},
		{"BootstrapParams with the type", params(anyOf("a.Options")), contract.Options},
		{"BootstrapParams with the type second", params(anyOf("b.Options"), anyOf("a.Options", wire.Varint(1, 1))),
			contract.Options},
		{"BootstrapParams with a damaged value", params(anyOf("a.Options", cut)), contract.Malformed},
		{"BootstrapParams with another type", params(anyOf("b.Options")), contract.None},
	} {
		got := wantOf("a.Options", test.m.Encode(), contract.Outcome{Kind: contract.None})
		if got.Kind != test.want {
			t.Errorf("%s: %v, want %s", test.name, got, test.want)
		}
	}
}
