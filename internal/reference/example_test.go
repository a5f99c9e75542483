package reference_test

import (
	"bytes"
	"errors"
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

// Every error has one of three kinds, and says what is wrong.
func ExampleError() {
	foreign := wire.Message{wire.String(1, "nri.v1.PluginConfig")}
	_, err := reference.ReadOptions(bytes.NewReader(foreign.Encode()))
	fmt.Println(errors.Is(err, reference.ErrForeign))
	fmt.Println(err)
	// Output:
	// true
	// shim options of another type: Any.type_url: type URL "nri.v1.PluginConfig": want containerd.runhcs.v1.Options
}
