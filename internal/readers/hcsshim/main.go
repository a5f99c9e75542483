//go:build ignore

// Command hcsshim reads payloads with the decoder of one of hcsshim's shims.
package main

import (
	"bytes"
	"fmt"
	"os"

	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/testee"
)

func main() {
	out := os.Stdout // the decoder may change it
	if err := testee.Serve(os.Stdin, out, decode); err != nil {
		fmt.Fprintln(os.Stderr, "hcsshim:", err)
		os.Exit(1)
	}
}

func decode(payload []byte) testee.Answer {
	opts, err := hcsshim.ReadOptions(bytes.NewReader(payload))
	switch {
	case err != nil && opts != nil:
		return testee.Answer{Outcome: testee.Panic, Detail: []byte("options together with an error: " + err.Error())}
	case err != nil:
		return testee.Failed(err)
	case opts == nil:
		return testee.Answer{Outcome: testee.None}
	}
	b, err := marshal(opts)
	if err != nil {
		return testee.Answer{Outcome: testee.Panic, Detail: []byte("options that cannot be encoded: " + err.Error())}
	}
	return testee.Answer{Outcome: testee.Options, Detail: b}
}
