package reference_test

import (
	"bytes"
	"fmt"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

// The options of containerd 2.3 are those of an extension of BootstrapParams.
func ExampleReadOptions() {
	params := wire.Message{
		wire.String(1, "web-1"),
		wire.String(2, "k8s.io"),
		wire.String(4, "2.3.7"),
		wire.Sub(8, wire.Sub(1, wire.String(1, contract.OptionsName), wire.Sub(2, wire.String(16, "warn")))),
	}
	opts, err := reference.ReadOptions(bytes.NewReader(params.Encode()))
	fmt.Println(opts.GetLogLevel(), err)
	// Output: warn <nil>
}
