// Package decoder runs what decodes options on a payload, delivered in every way that
// io.Reader allows, and turns the result into an outcome of the contract, a panic and a hang
// included.
package decoder

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
)

// Decoder is a readOptions, or what decodes another input, with a name.
type Decoder struct {
	Name  string
	Input contract.Input
	Read  func(io.Reader) (*options.Options, error)
	// Classify returns the kind of an error; nil for a decoder whose errors have
	// no kinds, such as hcsshim's.
	Classify func(error) contract.Kind
}

// Decode runs the decoder on what r delivers and turns the result into an
// outcome. A decode that exceeds HangLimit or BlockLimit ends the process.
func (d Decoder) Decode(r io.Reader, payload []byte) (out contract.Outcome) {
	defer watch(d.Name, payload)()
	defer func() {
		if v := recover(); v != nil {
			out = contract.Outcome{Kind: contract.Panic, Panic: fmt.Sprintf("%v\n%s", v, panicStack())}
		}
	}()
	return d.Unrecovered(r)
}

// Unrecovered is Decode without the watchdog, and a panic of the decoder goes on.
func (d Decoder) Unrecovered(r io.Reader) contract.Outcome {
	opts, err := d.Read(r)
	switch {
	case err != nil && opts != nil:
		return contract.Outcome{Kind: contract.OptionsAndError, Options: opts, Err: err}
	case err != nil:
		_ = err.Error() // an error that panics when printed is no error
		kind := contract.Error
		if d.Classify != nil {
			kind = d.Classify(err)
		}
		return contract.Outcome{Kind: kind, Err: err}
	case opts == nil:
		return contract.Outcome{Kind: contract.None}
	}
	return contract.Outcome{Kind: contract.Options, Options: opts}
}

// panicStack is the stack from the frame that panicked up to the decoder's call.
func panicStack() string {
	stack := string(debug.Stack())
	if _, after, ok := strings.Cut(stack, "\npanic("); ok {
		if _, frames, ok := strings.Cut(after, "\n\t"); ok {
			_, stack, _ = strings.Cut(frames, "\n")
		}
	}
	before, _, _ := strings.Cut(stack, "shimfuzz/internal/decoder.")
	return strings.TrimSpace(before)
}
