// Command reference reads payloads with the reference decoder: what make
// conformance makes of a reader that does everything right.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/reference"
	"shimfuzz/internal/testee"
)

func main() {
	if err := testee.Serve(os.Stdin, os.Stdout, decode); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func decode(payload []byte) testee.Answer {
	opts, err := reference.ReadOptions(bytes.NewReader(payload))
	switch {
	case errors.Is(err, reference.ErrMalformed):
		return testee.Answer{Outcome: "error/malformed", Detail: []byte(err.Error())}
	case errors.Is(err, reference.ErrForeign):
		return testee.Answer{Outcome: "error/foreign", Detail: []byte(err.Error())}
	case err != nil:
		return testee.Failed(err)
	case opts == nil:
		return testee.Answer{Outcome: testee.None}
	}
	opts.ProtoReflect().SetUnknown(nil)
	b, err := proto.Marshal(opts)
	if err != nil {
		return testee.Failed(err)
	}
	return testee.Answer{Outcome: testee.Options, Detail: b}
}
