package verify

import (
	"errors"
	"fmt"
	"os"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/interop/process"
	"shimfuzz/internal/interop/protocol"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
)

// external is the reader in a process that is under test, if there is one.
var external *process.Reader

// maxHangs is the number of hangs in a row after which the run ends.
const maxHangs = 5

// externalReader is a reader in a process of its own as a decoder under test.
func externalReader(s settings.Test) (decoder.Decoder, error) {
	root, err := settings.Root()
	if err == nil {
		external, err = process.New(s.Reader, root)
	}
	if err != nil {
		return decoder.Decoder{}, fmt.Errorf("READER: %w", err)
	}
	runhcs := verdict.OptionsType(s.ReaderName) == contract.OptionsName
	hangs := 0
	ask := func(payload []byte) contract.Outcome {
		a, err := external.Ask(payload)
		if a.Outcome == protocol.Unable {
			err = fmt.Errorf("the reader cannot be run here: %s", a.Detail)
		}
		if hangs++; a.Outcome != process.Hang {
			hangs = 0
		}
		if hangs == maxHangs {
			err = fmt.Errorf("the reader has hung %d times in a row", hangs)
		}
		if err == nil {
			var out contract.Outcome
			if out, err = outcome(a, runhcs); err == nil {
				return out
			}
		}
		// It is not an answer that the contract could be held against.
		external.Close()
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
		panic("unreachable")
	}
	return decoder.Decoder{Name: readerName, Ask: ask}, nil
}

// outcome is an answer as the contract has it. Options other than runhcs's are
// not decoded. Its error is a wrong use of the protocol.
func outcome(a protocol.Answer, runhcs bool) (contract.Outcome, error) {
	out := contract.Outcome{Kind: contract.Kind(a.Outcome)}
	switch {
	case out.Kind == contract.None:
	case out.Kind == contract.Panic, out.Kind == contract.Hang:
		out.Panic = string(a.Detail)
	case out.Kind == contract.Error, out.Kind == contract.Read, out.Kind == contract.Malformed, out.Kind == contract.Foreign:
		out.Err = errors.New(string(a.Detail))
	case out.Kind == contract.Options && !runhcs:
	case out.Kind == contract.Options:
		out.Options = new(options.Options)
		if err := proto.Unmarshal(a.Detail, out.Options); err != nil {
			return out, fmt.Errorf("the reader answered with options that do not decode: %w", err)
		}
	default:
		return out, fmt.Errorf("the reader answered %q, which is not an outcome (docs/conformance.md)", a.Outcome)
	}
	return out, nil
}
