package differential

import (
	"bytes"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/conformance/protocol"
)

// The test binary is also the reader, if the environment says with which defect.
func TestMain(m *testing.M) {
	defect := os.Getenv("READER_WITH_DEFECT")
	if defect == "" {
		os.Exit(m.Run())
	}
	protocol.Main(func(payload []byte) protocol.Answer {
		switch {
		case defect == "cut-tag":
			payload, _ = misreader{as: cutTag}.payload(payload)
		case defect == "unable":
			return protocol.Answer{Outcome: protocol.Unable, Detail: []byte("on purpose")}
		case defect == "annotated" && bytes.Contains(payload, []byte("annotated")):
			return protocol.Answer{Outcome: protocol.None}
		}
		o := reference.Answer(payload)
		switch o.Kind {
		case contract.Options:
			return protocol.Encoded(proto.Marshal(o.Options))
		case contract.None:
			return protocol.Answer{Outcome: protocol.None}
		}
		return protocol.Answer{Outcome: string(o.Kind), Detail: []byte("wrong")}
	})
}

var (
	ours = wire.String(1, contract.OptionsName)
	// few are payloads that show the defects of the readers here.
	few = slices.Values([][]byte{
		wire.Message{ours, wire.Sub(2, wire.Bool(1, true), wire.Sub(18, wire.String(1, "annotated"),
			wire.String(2, "x")), wire.String(16, "warn"))}.Encode(),
		wire.Message{ours, wire.Sub(2, wire.Raw(wire.WideVarint(1<<32|8, 0)), wire.Raw([]byte{1}))}.Encode(),
		wire.Message{ours, wire.Varint(1000, 1).WideTag(6)}.Encode(),
	})
)

// try runs a reader of this test on payloads and returns the output.
func try(t *testing.T, defect string, defects []Defect, walked iter.Seq[[]byte], mutated int) (root, out string,
	err error) {
	t.Helper()
	t.Setenv("READER_WITH_DEFECT", defect)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	var b strings.Builder
	err = Run(t.Context(), Config{Root: root, Seed: 1, Payloads: mutated, walked: walked,
		Engines: []Engine{{Name: "fake", On: "nothing", Command: self, Defects: defects}}}, &b)
	return root, b.String(), err
}

func contains(t *testing.T, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("the output has no %q:\n%s", w, out)
		}
	}
}

// A reader that is right agrees, whatever it is asked, and a freedom is none of its own answers.
func TestAgrees(t *testing.T) {
	_, out, err := try(t, "none", nil, few, 2000)
	if err != nil {
		t.Error(err)
	}
	contains(t, out, "3 payloads walked and 2000 mutated, 1 of 1 readers asked, 0 answers unexplained")
}

// A wrong answer that nothing explains is red, made small, kept and shown.
func TestUnexplained(t *testing.T) {
	root, out, err := try(t, "annotated", nil, few, 0)
	if !errors.Is(err, gocmd.ErrReported) {
		t.Error(err)
	}
	file := folder + "/fake-none-instead-of-options.bin"
	contains(t, out, "fake: none instead of options, 1 payloads", "18 default_container_annotations",
		"make repro CASE="+file+" READER=", "1 answers unexplained")
	got, err := os.ReadFile(filepath.Join(root, file))
	want := wire.Message{ours, wire.Sub(2, wire.Sub(18, wire.String(1, "annotated")))}.Encode()
	if err != nil || !bytes.Contains(got, []byte("annotated")) || len(got) > len(want) {
		t.Errorf("%v, kept %q, want as small as %q", err, got, want)
	}
}

// A known defect is counted, and is an error if it has not shown.
func TestKnown(t *testing.T) {
	cut := Defect{Name: "cut-tag", Why: "on purpose", As: cutTag}
	_, out, err := try(t, "cut-tag", []Defect{cut}, few, 0)
	if err != nil {
		t.Error(err, out)
	}
	contains(t, out, "fake: cut-tag, 1 payloads: on purpose", " 0 answers unexplained")
	_, out, err = try(t, "none", []Defect{cut}, few, 0)
	if !errors.Is(err, gocmd.ErrReported) {
		t.Error(err)
	}
	contains(t, out, "the known defect cut-tag has not shown")
}

// A reader that cannot be asked is an error, unless it is known beforehand that it cannot be run.
func TestNotRun(t *testing.T) {
	_, out, err := try(t, "unable", nil, few, 0)
	if !errors.Is(err, gocmd.ErrReported) {
		t.Error(err)
	}
	contains(t, out, "fake: NOT ASKED further after 0 payloads: unable: on purpose")
	var b strings.Builder
	err = Run(t.Context(), Config{Root: t.TempDir(), walked: few,
		Engines: []Engine{{Name: "fake", NotRun: "there is no compiler"}}}, &b)
	if err == nil || errors.Is(err, gocmd.ErrReported) {
		t.Error(err)
	}
	contains(t, b.String(), "fake: NOT RUN: there is no compiler")
}

// Mutated payloads follow from the seed, and about half of them are well-formed.
func TestMutator(t *testing.T) {
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	draw := func(seed int64) (all [][]byte) {
		m := newMutator(seed, cases)
		for range 5000 {
			all = append(all, m.next())
		}
		return all
	}
	one := draw(1)
	if !slices.EqualFunc(one, draw(1), bytes.Equal) {
		t.Error("the same seed makes other payloads")
	}
	if slices.EqualFunc(one, draw(2), bytes.Equal) {
		t.Error("two seeds make the same payloads")
	}
	wellFormed := 0
	for _, b := range one {
		if reference.Want(b).Kind != contract.Malformed {
			wellFormed++
		}
	}
	if wellFormed < len(one)*4/10 || wellFormed > len(one)*7/10 {
		t.Errorf("%d of %d payloads are well-formed", wellFormed, len(one))
	}
}

// An engine without a defect takes a payload for what it is.
func TestMisreader(t *testing.T) {
	nothing := misreader{as: func(place, []byte, []byte) {}}
	for _, place := range grammar.RunHCS.Contexts() {
		for _, e := range grammar.RunHCS.Tokens(place.Level) {
			b := grammar.Encode(place.Payload([]grammar.Token{e}))
			if got, _ := nothing.payload(b); !contract.SameSet(reference.Want(b), reference.Want(got)) {
				t.Errorf("%s, %s: %x is taken for %x", place.Name, e.Name, b, got)
			}
		}
	}
}

// Each defect is seen at the one payload that is its smallest example.
func TestDefects(t *testing.T) {
	for _, test := range []struct {
		engine, defect string
		payload        wire.Message
		got            contract.Kind
	}{
		{"cpp", "cut-tag", wire.Message{ours, wire.Raw(wire.WideVarint(1<<32|2<<3|2, 0)), wire.Raw([]byte{0})},
			contract.Options},
		{"python", "wide-tag-unknown", wire.Message{ours.WideTag(5)}, contract.Foreign},
		{"python", "range-unchecked", wire.Message{ours, wire.Tag(1<<29, protowire.VarintType), wire.Raw([]byte{0})},
			contract.Options},
		{"python", "range-unchecked", wire.Message{wire.Raw([]byte{10, 0x9c, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
			0x80, 2}), wire.Raw([]byte(contract.OptionsName))}, contract.Options},
		{"python", "end-tag-by-suffix", wire.Message{ours, wire.Group(10).WideTag(1),
			wire.Raw([]byte{10<<3 | 3, 10<<3 | 4 | 0x80, 0})}, contract.Malformed},
		{"javascript", "wire-type-ignored", wire.Message{ours, wire.Varint(1, 0)}, contract.Foreign},
		{"javascript", "cut-length", wire.Message{ours, wire.Tag(2, protowire.BytesType),
			wire.Raw(wire.WideVarint(1<<32, 0))}, contract.Options},
		{"javascript", "long-varint-skipped", wire.Message{ours, wire.Varint(10, 0).Wide(11)}, contract.Options},
		{"javascript", "message-overrun", wire.Message{wire.Bytes(8, []byte{0x22}), wire.Raw([]byte{1, 0xff})},
			contract.None},
		{"go", "numbers-unchecked-in-group", wire.Message{ours, wire.Group(10, wire.Tag(1<<29, protowire.VarintType),
			wire.Raw([]byte{0}))}, contract.Options},
		{"rust", "wire-type-refused", wire.Message{ours, wire.Varint(1, 0)}, contract.Malformed},
		{"rust", "wire-type-refused", wire.Message{wire.String(1, "a"), wire.String(2, "b"), wire.Varint(5, 0)},
			contract.Foreign},
	} {
		q := question{payload: test.payload.Encode()}
		q.want = reference.Want(q.payload)
		if allowed(q.want, contract.Outcome{Kind: test.got}) >= 0 && test.got != contract.Options {
			t.Errorf("%s: %s is right", test.defect, test.got)
		}
		got := contract.Outcome{Kind: test.got}
		if test.got == contract.Options {
			got = reference.Want(wire.Message{ours}.Encode())
		}
		if why := asked[test.engine].explanation(q, got); len(why) != 1 || why[0].Name != test.defect {
			t.Errorf("%s: %s to %x is explained by %v, want %s", test.engine, test.got, q.payload, why, test.defect)
		}
		if why := asked[test.engine].explanation(q, contract.Outcome{Kind: contract.Panic}); why != nil {
			t.Errorf("%s: a panic is explained by %v", test.engine, why)
		}
	}
}
