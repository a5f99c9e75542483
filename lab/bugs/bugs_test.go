package bugs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

// Every mutant has a name of its own, says why somebody would write it, and names a test that
// there is: without one nothing would run, and it would survive.
func TestRows(t *testing.T) {
	seen, tests := make(map[string]bool), testsOf(t, "../../properties/*_test.go")
	for _, m := range slices.Concat(OfStdin, creates) {
		if seen[m.Name] || strings.ToLower(m.Name) != m.Name || strings.Contains(m.Name, " ") {
			t.Errorf("%q is no name, or is there twice", m.Name)
		}
		seen[m.Name] = true
		if !strings.HasSuffix(m.Why, ".") || !strings.Contains(tests, "\nfunc "+m.Check+"(") {
			t.Errorf("%s: want a test and a sentence: %q, %q", m.Name, m.Check, m.Why)
		}
	}
}

// testsOf is the text of the files of a pattern.
func testsOf(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	var all strings.Builder
	for _, file := range files {
		text, readErr := os.ReadFile(file)
		all.Write(text)
		err = errors.Join(err, readErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// The corpus kills those that say so, and no other: what names another test is harder to
// notice. Those that hang, or take the memory of the machine, are for processes of their own.
func TestCorpusKills(t *testing.T) {
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range OfStdin[:len(OfStdin)-len(costs)] {
		d := reference.Decoder
		d.Read = m.In(d.Read)
		i := slices.IndexFunc(cases, func(c corpus.Case) bool {
			b := c.Payload.Bytes
			return len(b) < 10_000 && contract.Diff(c.Payload.Want, d.Decode(bytes.NewReader(b), b)) != ""
		})
		switch {
		case i < 0 && m.Check == "TestCorpus":
			t.Errorf("%s: the corpus does not kill it", m.Name)
		case i >= 0 && m.Check != "TestCorpus":
			t.Errorf("%s: it names %s, and %s kills it", m.Name, m.Check, cases[i].Name)
		}
	}
}

// A mutant answers payloads as they are sent, and a reader that fails, as the reference
// does: it is no decoder that always fails.
func TestOrdinary(t *testing.T) {
	opts := []wire.Part{wire.Varint(1, 1), wire.String(3, "containerd"), wire.Int(8, 2),
		wire.Sub(18, wire.String(1, "a"), wire.String(2, "v")), wire.Varint(20, 1)}
	legacy := wire.Message{wire.String(1, contract.OptionsName), wire.Sub(2, opts...)}
	payloads := []wire.Message{
		legacy,
		{wire.String(1, "web-1"), wire.String(2, "k8s.io"), wire.Int(3, 4), wire.String(4, "2.3.7"),
			wire.String(5, "ttrpc"), wire.String(6, "grpc"), wire.String(7, "containerd"),
			wire.Sub(8, wire.Sub(1, legacy...))},
		{wire.String(1, "web-1"), wire.String(2, "k8s.io"), wire.String(4, "2.3.7"), wire.String(5, "ttrpc")},
	}
	for _, m := range OfStdin {
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

// Without a name it is the decoder itself, and an unknown name is
// not mistaken for none.
func TestInject(t *testing.T) {
	called := false
	next := func(io.Reader) (*options.Options, error) { called = true; return nil, nil }
	_, _ = Inject("", next)(strings.NewReader(""))
	if !called {
		t.Error("without a bug the decoder is not called")
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown name is no error")
		}
	}()
	Inject("no-such-mutant", next)
}
