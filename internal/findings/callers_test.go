package findings

import (
	"slices"
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
)

func TestCallers(t *testing.T) {
	has := func(l List, name string) bool {
		return slices.ContainsFunc(l.Callers(), func(c Caller) bool { return c.Name == name })
	}
	for _, test := range []struct {
		list, name string
		want       bool
	}{
		{"v0.15.0", "start-hides-refusal", true},
		{"v0.15.0,-start-hides-refusal", "start-hides-refusal", false},
		{"v0.15.0,-start-hides-refusal", "debug-type-file-panics", true},
		{"v0.15.0", "lcow-v2-legacy-is-default", true},
		{"v0.14.1", "lcow-v2-legacy-is-default", false},
		{"none", "start-hides-refusal", false},
	} {
		list, err := Named(test.list)
		if err != nil {
			t.Fatal(err)
		}
		if got := has(list, test.name); got != test.want {
			t.Errorf("%s has %s: %v, want %v", test.list, test.name, got, test.want)
		}
	}
}

// A finding of lcow-v2 explains only what it says.
func TestExplain(t *testing.T) {
	opts := payload.OneOption()
	sent := payload.WithIdentity("web-1", "k8s.io", opts).Bytes
	for _, test := range []struct {
		payload []byte
		want    string
	}{
		{payload.PlainAny(contract.OptionsName, payload.OptionsBytes(sent)), "lcow-v2-loses-legacy-options"},
		{payload.PlainAny("containerd.runc.v1.Options", nil), "lcow-v2-legacy-is-default"},
		{sent, ""},
		{nil, ""},
	} {
		got := ""
		if c := Explain(For(Newest).Callers(), reference.Answer(test.payload), test.payload); c != nil {
			got = c.Name
		}
		if got != test.want {
			t.Errorf("%x is explained by %q, want %q", test.payload, got, test.want)
		}
	}
}
