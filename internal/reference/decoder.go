package reference

import (
	"errors"
	"io"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
)

// Decoder is ReadOptions as a decoder under test.
var Decoder = decoder.Decoder{Name: "reference", Read: ReadOptions, Classify: kind}

// CreateDecoder is CreateOptions as a decoder under test.
var CreateDecoder = decoder.Decoder{Name: "reference create", Input: contract.Create, Read: readCreate, Classify: kind}

func readCreate(r io.Reader) (*options.Options, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, &Error{Kind: ErrRead, Err: err}
	}
	return runhcs(RunHCS.readAny(b))
}

// readAny decodes an Any that is delivered as its bytes; without bytes there is none.
func (t Type) readAny(b []byte) (proto.Message, error) {
	var a *anypb.Any
	if len(b) > 0 {
		a = new(anypb.Any)
		if err := unmarshal(b, a); err != nil {
			return nil, &Error{Kind: ErrMalformed, Family: "Any", Err: err}
		}
	}
	return t.inAny(a)
}

// kind returns the kind of the error that err wraps.
func kind(err error) contract.Kind {
	switch {
	case errors.Is(err, ErrRead):
		return contract.Read
	case errors.Is(err, ErrMalformed):
		return contract.Malformed
	case errors.Is(err, ErrForeign):
		return contract.Foreign
	}
	return contract.Error
}

// Answer is what the reference makes of a payload.
func Answer(b []byte) contract.Outcome { return RunHCS.answer(contract.Stdin, b) }

// CreateAnswer is what the reference makes of the bytes of CreateTaskRequest.Options.
func CreateAnswer(b []byte) contract.Outcome { return RunHCS.answer(contract.Create, b) }

// answer decodes an input without an error of reading it.
func (t Type) answer(in contract.Input, b []byte) contract.Outcome {
	var opts proto.Message
	var err error
	if in == contract.Create {
		opts, err = t.readAny(b)
	} else {
		opts, err = t.read(b)
	}
	switch {
	case err != nil:
		return contract.Outcome{Kind: kind(err), Err: err}
	case opts == nil:
		return contract.Outcome{Kind: contract.None}
	}
	return contract.Outcome{Kind: contract.Options, Options: opts}
}
