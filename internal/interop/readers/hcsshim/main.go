//go:build ignore

// Command hcsshim reads payloads with the extracted decoder of one of hcsshim's shims.
package main

import (
	"bytes"

	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/interop/protocol"
)

func main() { protocol.Main(decode) }

func decode(payload []byte) protocol.Answer {
	opts, err := hcsshim.ReadOptions(bytes.NewReader(payload))
	switch {
	case err != nil && opts != nil:
		return protocol.Answer{Outcome: protocol.Panic, Detail: []byte("options together with an error: " + err.Error())}
	case err != nil:
		return protocol.Failed(err)
	case opts == nil:
		return protocol.Answer{Outcome: protocol.None}
	}
	b, err := marshal(opts)
	if err != nil {
		return protocol.Answer{Outcome: protocol.Panic, Detail: []byte("options that cannot be encoded: " + err.Error())}
	}
	return protocol.Answer{Outcome: protocol.Options, Detail: b}
}
