package process

import (
	"errors"
	"fmt"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/interop/protocol"
)

// Outcome returns the answer, as the contract names it, of a reader that reads Options
// of a type. Only runhcs's (contract.OptionsName) are decoded. The error is one of an
// answer that is not of the protocol.
func Outcome(a protocol.Answer, optionsType string) (contract.Outcome, error) {
	kind := contract.Kind(a.Outcome)
	switch kind {
	case contract.None:
		return contract.Outcome{Kind: kind}, nil
	case contract.Panic, contract.Hang:
		return contract.Outcome{Kind: kind, Panic: string(a.Detail)}, nil
	case contract.Error, contract.Read, contract.Malformed, contract.Foreign:
		return contract.Outcome{Kind: kind, Err: errors.New(string(a.Detail))}, nil
	case contract.Options:
		if optionsType != contract.OptionsName {
			return contract.Outcome{Kind: kind}, nil
		}
		opts := new(options.Options)
		if err := proto.Unmarshal(a.Detail, opts); err != nil {
			return contract.Outcome{}, fmt.Errorf("the options in the answer cannot be decoded: %w", err)
		}
		return contract.Outcome{Kind: kind, Options: opts}, nil
	}
	return contract.Outcome{}, fmt.Errorf("the answer %q is not an outcome (docs/conformance.md has them)", a.Outcome)
}
