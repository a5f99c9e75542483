package baseline

import (
	"os"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/verify"
)

func TestMain(m *testing.M) { os.Exit(verify.Main(m.Run)) }

// FuzzPanics has no seeds and looks for panics.
func FuzzPanics(f *testing.F) { f.Fuzz(call) }

// FuzzRoundTrip has one seed a family and a property.
func FuzzRoundTrip(f *testing.F) {
	legacy, params, err := sent(&options.Options{Debug: true, SandboxImage: "pause", VmProcessorCount: 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(legacy)
	f.Add(params)
	f.Fuzz(decoded)
}

// FuzzGenerated lets go-fuzz-headers fill the options.
func FuzzGenerated(f *testing.F) { f.Fuzz(generated) }
