package reference_test

import (
	"bytes"
	"slices"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

// What the contract says of the launch, on the smallest payloads.
func TestLaunched(t *testing.T) {
	const ours = contract.OptionsName
	params := func(id, namespace string, more ...wire.Part) []byte {
		return append(wire.Message{wire.String(1, id), wire.String(2, namespace), wire.String(4, "2.3.7")}.Encode(), wire.Message(more).Encode()...)
	}
	minimal := func(id, namespace string) []byte {
		return wire.Message{wire.String(1, id), wire.String(2, namespace)}.Encode()
	}
	damaged := wire.Sub(8, wire.Sub(1, wire.String(1, ours), wire.Bytes(2, []byte{8})))
	for _, test := range []struct {
		name     string
		launch   contract.Launch
		payload  []byte
		want, or contract.Kind
	}{
		{"BootstrapParams", contract.Launch{ID: "a", Namespace: "b"}, params("a", "b"), contract.None, ""},
		{"of another ID", contract.Launch{ID: "c", Namespace: "b"}, params("a", "b"), contract.Foreign, ""},
		{"of another namespace", contract.Launch{ID: "a", Namespace: "c"}, params("a", "b"), contract.Foreign, ""},
		{"the last occurrence decides", contract.Launch{ID: "c", Namespace: "b"}, params("a", "b", wire.String(1, "c")), contract.None, ""},
		{"of another container, and damaged", contract.Launch{ID: "c", Namespace: "b"}, params("a", "b", damaged), contract.Foreign, contract.Malformed},
		{"damaged", contract.Launch{ID: "a", Namespace: "b"}, params("a", "b", damaged), contract.Malformed, ""},
		{"an ID and a namespace", contract.Launch{ID: "a", Namespace: "b"}, minimal("a", "b"), contract.None, ""},
		{"those of another container", contract.Launch{ID: "b", Namespace: "a"}, minimal("a", "b"), contract.Foreign, ""},
		{"the name of Options for an ID", contract.Launch{ID: ours, Namespace: "h2"}, minimal(ours, "h2"), contract.Options, ""},
		{"an Any", contract.Launch{ID: "a", Namespace: "b"}, minimal(ours, ""), contract.Options, ""},
		{"nothing", contract.Launch{ID: "a", Namespace: "b"}, nil, contract.None, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := reference.WantLaunched(test.launch, test.payload)
			if or := append(want.Or, contract.Outcome{})[0].Kind; want.Kind != test.want || or != test.or {
				t.Errorf("%v, or %q; want %s, or %q", want, or, test.want, test.or)
			}
		})
	}
}

// Under a payload's own launch a reader that is given it answers as one that is not,
// and other launches tell the two apart.
func TestLaunches(t *testing.T) {
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	differ := make(map[contract.Kind]int)
	for _, c := range cases {
		b := c.Payload.Bytes
		want, launches := reference.Want(b), reference.Launches(b)
		for i, l := range launches {
			got := reference.WantLaunched(l, b)
			if i == 0 && !contract.SameSet(want, got) {
				t.Errorf("%s: %v, under its own launch, %v, %v", c.Name, want, l, got)
			}
			if got.Kind != want.Kind {
				differ[want.Kind]++
			}
			if slices.Contains(launches[:i], l) {
				t.Errorf("%s: %v is there twice", c.Name, l)
			}
			d := reference.LaunchedDecoder
			if answer := d.Decode(bytes.NewReader(b), b, l); answer.Kind != got.Kind {
				t.Errorf("%s: under %v the decoder answers %v, want %v", c.Name, l, answer, got)
			}
		}
	}
	for _, k := range []contract.Kind{contract.Options, contract.None} {
		if differ[k] == 0 {
			t.Errorf("no launch changes an answer %s", k)
		}
	}
}
