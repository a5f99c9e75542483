package reference

import (
	"errors"
	"fmt"
	"io"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
)

// Decoder is ReadOptions as a decoder under test.
var Decoder = decoder.Decoder{Name: "reference", Read: ReadOptions, Classify: kind}

// CreateDecoder reads the Any of CreateTaskRequest.Options, as a decoder under test.
var CreateDecoder = decoder.Decoder{Name: "reference create", Input: contract.Create, Classify: kind,
	Read: func(r io.Reader) (*options.Options, error) { return readAll(r, RunHCS.readAny) }}

func readAll(r io.Reader, decode func([]byte) (proto.Message, error)) (*options.Options, error) {
	payload, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRead, err)
	}
	m, err := decode(payload)
	opts, _ := m.(*options.Options)
	return opts, err
}

// readAny decodes an Any that is delivered as its bytes; without bytes there is none.
func (t Type) readAny(b []byte) (proto.Message, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var a anypb.Any
	if err := t.unmarshal(b, &a); err != nil {
		return nil, fmt.Errorf("%w: Any: %w", ErrMalformed, err)
	}
	return t.inAny(&a)
}

var kindOf = map[error]contract.Kind{ErrRead: contract.Read, ErrMalformed: contract.Malformed,
	ErrForeign: contract.Foreign}

// kind returns the kind of an error of this package.
func kind(err error) contract.Kind {
	for is, kind := range kindOf {
		if errors.Is(err, is) {
			return kind
		}
	}
	return contract.Error
}

// Answer is what the reference makes of a payload.
func Answer(b []byte) contract.Outcome { return RunHCS.answer(contract.Stdin, b) }

// AnswerWithBadNumbers is the answer of a reader that accepts field numbers above 2^29-1
// inside groups, as google.golang.org/protobuf does.
func AnswerWithBadNumbers(in contract.Input, b []byte) contract.Outcome {
	return Type{message: RunHCS.message, badNumbers: true}.answer(in, b)
}

// answer decodes an input without an error of reading it.
func (t Type) answer(in contract.Input, b []byte) contract.Outcome {
	read := t.read
	if in == contract.Create {
		read = t.readAny
	}
	opts, err := read(b)
	switch {
	case err != nil:
		return contract.Outcome{Kind: kind(err), Err: err}
	case opts == nil:
		return contract.Outcome{Kind: contract.None}
	}
	return contract.Outcome{Kind: contract.Options, Options: opts}
}
