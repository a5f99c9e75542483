package bugs

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

// The corpus kills those that say so. Those that hang, or take the memory of the machine, are for
// processes of their own.
func TestCorpusKills(t *testing.T) {
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range OfStdin[:len(OfStdin)-len(costs)] {
		if m.Check != "TestCorpus" {
			continue
		}
		d := reference.Decoder
		d.Read = m.In(d.Read)
		i := slices.IndexFunc(cases, func(c corpus.Case) bool {
			b := c.Payload.Bytes
			return len(b) < 10_000 && !contract.Right(c.Payload.Want, d.Decode(bytes.NewReader(b), b))
		})
		if i < 0 {
			t.Errorf("%s: the corpus does not kill it", m.Name)
		}
	}
}

// What kills a bug is enumerated, or is a case: chance may not be what does it. A test that draws
// kills one only where any draw shows the bug.
func TestNoChance(t *testing.T) {
	enumerates := []string{"TestCorpus", "TestEmptyReads", "TestLarge", "TestLinear", "TestSmallIsCheap"}
	anyDraw := []string{"TestNoAliasing", "TestNoSharedState"}
	for _, m := range OfStdin {
		if !slices.Contains(slices.Concat(enumerates, anyDraw), m.Check) && !strings.HasPrefix(m.Check, "TestWalk") {
			t.Errorf("%s: %s draws what kills it, or is not known here", m.Name, m.Check)
		}
	}
}

// A mutant answers payloads as they are sent, and a reader that fails, as the reference
// does: it is no decoder that always fails.
func TestOrdinary(t *testing.T) {
	opts := []wire.Part{wire.Varint(1, 1), wire.String(3, "containerd"), wire.Varint(8, 2),
		wire.Sub(18, wire.String(1, "a"), wire.String(2, "v")), wire.Varint(20, 1)}
	legacy := wire.Message{wire.String(1, contract.OptionsName), wire.Sub(2, opts...)}
	payloads := []wire.Message{
		legacy,
		{wire.String(1, "web-1"), wire.String(2, "k8s.io"), wire.Varint(3, 4), wire.String(4, "2.3.7"),
			wire.String(5, "ttrpc"), wire.String(6, "grpc"), wire.String(7, "containerd"),
			wire.Sub(8, wire.Sub(1, legacy...))},
		{wire.String(1, "web-1"), wire.String(2, "k8s.io"), wire.String(4, "2.3.7"), wire.String(5, "ttrpc")},
	}
	seen := make(map[string]bool)
	for _, m := range OfStdin {
		if seen[m.Name] {
			t.Errorf("%s is there twice", m.Name)
		}
		seen[m.Name] = true
		d := reference.Decoder
		d.Read = m.In(d.Read)
		for _, p := range payloads {
			b := p.Encode()
			if diff := contract.Diff(reference.Answer(b), d.Decode(bytes.NewReader(b), b)); diff != "" {
				t.Errorf("%s: %s", m.Name, diff)
			}
		}
		_, err := decode(m.In(reference.ReadOptions), legacy.Encode()[:3], iotest.ErrTimeout)
		if err == nil || !errors.Is(err, iotest.ErrTimeout) && m.Check != "TestWalkReads" {
			t.Errorf("%s: a reader's error is %v", m.Name, err)
		}
	}
}
