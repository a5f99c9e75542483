//go:build ignore

// Command hcsshim reads payloads with the extracted decoder of one of hcsshim's shims.
package main

import (
	"bytes"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	_ "shimfuzz/extracted"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/lab/conformance/protocol"
)

func main() {
	read := hcsshim.Current().ReadOptions
	protocol.Main(func(payload []byte) protocol.Answer { return answer(read(bytes.NewReader(payload))) })
}

// answer is what a readOptions has returned.
func answer(opts *options.Options, err error) protocol.Answer {
	switch {
	case err != nil && opts != nil:
		return protocol.Answer{Outcome: protocol.Panic, Detail: []byte("options together with an error: " +
			err.Error())}
	case err != nil:
		return protocol.Failed(err)
	case opts == nil:
		return protocol.Answer{Outcome: protocol.None}
	}
	b, err := marshal(opts)
	if err != nil {
		return protocol.Answer{Outcome: protocol.Panic, Detail: []byte("options that cannot be encoded: " +
			err.Error())}
	}
	return protocol.Answer{Outcome: protocol.Options, Detail: b}
}
