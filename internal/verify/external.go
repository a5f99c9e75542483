package verify

import (
	"fmt"
	"os"

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
			if out, err = process.Outcome(a, verdict.OptionsType(s.ReaderName)); err == nil {
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
