package findings

import (
	"testing"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/wire"
)

func TestNamed(t *testing.T) {
	all := len(For(Newest).Findings)
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
		{Newest + ",-start-hides-refusal", all, false}, // a caller's
		{"v0.14.1,-lcow-v2-legacy-is-default", 0, true},
		{Newest + ",start-hides-refusal", 0, true},
		{"all", 0, true},
	} {
		list, err := Named(test.name)
		if (err != nil) != test.fails || len(list.Findings) != test.count {
			t.Errorf("Named(%q): %d findings, %v; want %d, error %v", test.name, len(list.Findings), err, test.count, test.fails)
		}
	}
}

// A finding excuses the answer that it predicts and no other: not a panic, not
// other options, not an error where it predicts none.
func TestPredictionIsExact(t *testing.T) {
	corrupt := payload.PlainAny(contract.OptionsName, []byte{0x08})
	finding, predicted := For("v0.15.0").Predict(corrupt, contract.Outcome{Kind: contract.Malformed})
	if finding == nil || finding.Name != "corrupt-legacy-is-default" {
		t.Fatalf("Predict: %v", finding)
	}
	for _, wrong := range []contract.Outcome{
		{Kind: contract.Panic, Panic: "x"}, {Kind: contract.Error}, payload.Sent(payload.OneOption()), {Kind: contract.OptionsAndError},
	} {
		if Matches(predicted, wrong) {
			t.Errorf("%v is excused where %v is predicted", wrong.Kind, predicted.Kind)
		}
	}
}

// A right answer is never predicted to be wrong.
func TestNothingPredictedForPlainPayloads(t *testing.T) {
	opts := payload.OneOption()
	for _, b := range [][]byte{
		payload.WithIdentity("web-1", "k8s.io", opts).Bytes,
		payload.PlainAny(contract.OptionsName, payload.OptionsBytes(payload.WithIdentity("a", "b", opts).Bytes)),
		wire.Message{wire.String(4, "2.3.7")}.Encode(),
		nil,
	} {
		want := payload.Sent(opts)
		if len(b) < 10 {
			want = payload.Sent(nil)
		}
		if f, _ := For("v0.15.0").Predict(b, want); f != nil {
			t.Errorf("%s is predicted for %x", f.Name, b)
		}
	}
}
