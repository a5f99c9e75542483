package findings

import (
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

// A user's list leaves out what there is in a shim of that release.
func TestNamed(t *testing.T) {
	for _, test := range []struct {
		list, program, finding string
		want, fails            bool
	}{
		{"v0.15.0,-start-hides-refusal", RunHCS, "start-hides-refusal", false, false},
		{"v0.15.0,-start-hides-refusal", RunHCS, "debug-type-file-panics", true, false},
		{"v0.15.0,-log-level-echoed@lcow-v2", LCOW, "log-level-echoed", false, false},
		{"v0.15.0,-group-hides-bad-field-number@runhcs-v1", LCOW, "group-hides-bad-field-number", true, false},
		{"v0.15.0,-group-hides-bad-field-number@runhcs-v1", Create, "group-hides-bad-field-number", false, false},
		{"v0.14.1,-lcow-v2-legacy-is-default", LCOW, "", false, true},
		{"v0.15.0,-legacy-refused", PkgShim, "", false, true}, // containerd's
	} {
		l, err := All.Named(test.list)
		if got := All.For(l, test.program).Has(test.finding); got != test.want || (err != nil) != test.fails {
			t.Errorf("%s of %s has %s: %v, %v; want %v", test.list, test.program, test.finding, got, err, test.want)
		}
	}
}

// A finding explains only what it says. containerd 2.3's pkg/shim goes on with what it
// decoded before a fault, wherever the fault is; 2.4 reports it.
func TestPredict(t *testing.T) {
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
		{"legacy options", LCOW, Newest, grammar.PlainAny(contract.OptionsName, stdin.OptionsBytes(sent)),
			"lcow-v2-loses-legacy-options", failed},
		{"foreign legacy options", LCOW, Newest, grammar.PlainAny(RuncOptions, nil), "lcow-v2-legacy-is-default", none},
		{"options", LCOW, Newest, sent, "", grammar.Sent(opts)},
		{"nothing", LCOW, Newest, nil, "", none},
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

// Every place has a case or a payload, what it says of versions makes sense, and docs/findings.md
// has a row for it.
func TestAll(t *testing.T) {
	text, err := os.ReadFile("../../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
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
			row := func(line string) bool {
				return strings.HasPrefix(line, "| "+f.Name+" |") && strings.Contains(line, p.Case)
			}
			if !slices.ContainsFunc(strings.Split(string(text), "\n"), row) {
				t.Errorf("docs/findings.md has no row for %s in %s with the case %s", f.Name, p.Program, p.Case)
			}
		}
	}
}
