package verify

import (
	"fmt"
	"os"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/interop/optionstype"
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
	as := new(answers)
	if verdict.OptionsType(s.ReaderName) == contract.OptionsName {
		as.options = optionstype.RunHCS
	}
	return decoder.Decoder{Name: readerName, AskAll: func(payloads [][]byte) []contract.Outcome {
		outcomes, err := as.askAll(external, payloads)
		if err != nil {
			external.Close()
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return outcomes
	}}, nil
}

// answers turns the answers of a reader into outcomes, unless they end the run.
type answers struct {
	options protoreflect.MessageType // nil: not decoded
	hangs   int                      // in a row
}

// askAll asks a reader payloads until the first answer that ends the run, which is the error.
func (as *answers) askAll(r *process.Reader, payloads [][]byte) ([]contract.Outcome, error) {
	outcomes := make([]contract.Outcome, len(payloads))
	err := r.AskAll(payloads, func(i int, a protocol.Answer) (err error) {
		outcomes[i], err = as.outcome(a)
		return err
	})
	return outcomes, err
}

// outcome returns the next answer as the contract names it.
func (as *answers) outcome(a protocol.Answer) (contract.Outcome, error) {
	if as.hangs++; a.Outcome != process.Hang {
		as.hangs = 0
	}
	switch {
	case a.Outcome == protocol.Unable:
		return contract.Outcome{}, fmt.Errorf("the reader cannot be run here: %s", a.Detail)
	case as.hangs == maxHangs:
		return contract.Outcome{}, fmt.Errorf("the reader has hung %d times in a row", as.hangs)
	}
	return process.Outcome(a, as.options)
}
