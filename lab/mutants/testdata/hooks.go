package verify

import (
	"encoding/json"
	"io"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/containerd/typeurl/v2"

	"shimfuzz/extracted"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/handwritten"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
)

// MutantLimit is the limit of a decode with a bug, of which there are many to be told from
// one that is right.
const MutantLimit = 3 * time.Second

// bug makes the decoder under test have a hand-written bug, or none for "".
var bug = func(string) {}

// Become makes the decoder one of its mutants, or itself for the zero Choice.
func Become(m handwritten.Choice) {
	extracted.ActiveMutant, reference.ActiveMutant = m.Number, m.Number
	bootstrap.ActiveMutant, typeurl.ActiveMutant = m.Number, m.Number
	bug(m.Bug)
}

func init() {
	t, err := settings.Load()
	if err != nil {
		panic(err)
	}
	under := hcsshim.Current()
	switch t.Decoder {
	case hcsshimName:
		wrap(&under.ReadOptions)
	case createName:
		for i := range under.Creates {
			wrap(&under.Creates[i].Read)
		}
	case reference.Decoder.Name:
		wrap(&reference.Decoder.Read)
	}
	hcsshim.Register(under)
	var m handwritten.Settings
	if t.Lab != "" {
		if err := json.Unmarshal([]byte(t.Lab), &m); err != nil {
			panic(err)
		}
	}
	if Become(m.Choice); m.Choice != (handwritten.Choice{}) {
		decoder.HangLimit = MutantLimit
	}
}

func wrap(read *func(io.Reader) (*options.Options, error)) {
	right, current, others := *read, *read, bug
	*read = func(r io.Reader) (*options.Options, error) { return current(r) }
	bug = func(name string) {
		others(name)
		current = handwritten.Inject(name, right)
	}
}
