package verify

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/interop/process"
	"shimfuzz/internal/interop/protocol"
	"shimfuzz/internal/settings"
)

// external is the reader in a process that is under test, if there is one.
var external *process.Reader

// maxHangs is after how many hangs in a row there is nothing more to be learnt.
const maxHangs = 5

// externalReader is a reader in a process of its own as a decoder under test.
func externalReader(line string) (decoder.Decoder, error) {
	root, err := settings.Root()
	if err == nil {
		external, err = process.New(line, root)
	}
	if err != nil {
		return decoder.Decoder{}, fmt.Errorf("READER: %w", err)
	}
	hangs := 0
	read := func(in io.Reader) (*options.Options, error) {
		payload, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
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
		if err != nil { // no answer of a reader's: nothing could be said of it
			external.Close()
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return outcome(a)
	}
	return decoder.Decoder{Name: readerName, Read: read, Classify: classify}, nil
}

// answered is an error of a reader's.
type answered struct {
	kind contract.Kind
	text string
}

func (a *answered) Error() string { return a.text }

func classify(err error) contract.Kind {
	var a *answered
	if errors.As(err, &a) {
		return a.kind
	}
	return contract.Error
}

// outcome turns an answer into what a decoder here would do.
func outcome(a protocol.Answer) (*options.Options, error) {
	switch kind := contract.Kind(a.Outcome); {
	case kind == contract.None:
		return nil, nil
	case kind == contract.Panic:
		panic(decoder.Died(a.Detail))
	case kind == contract.Hang:
		panic(decoder.Hung(a.Detail))
	case kind.IsError():
		return nil, &answered{kind, string(a.Detail)}
	case kind != contract.Options:
		panic(decoder.Died(fmt.Sprintf("answered %q, which is no outcome", a.Outcome)))
	}
	opts := new(options.Options)
	if err := proto.Unmarshal(a.Detail, opts); err != nil {
		panic(decoder.Died(fmt.Sprintf("answered with options that cannot be decoded: %v", err)))
	}
	return opts, nil
}
