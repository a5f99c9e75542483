// Command repro shows a payload and what each decoder answers to it. It exits
// with 1 if the answer of the one under test is wrong and no excused finding explains it.
package main

import (
	"fmt"
	"os"

	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/verify"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: make repro CASE=file")
		os.Exit(2)
	}
	if err := hcsshim.Ready(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	b, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s on %s\n\n", os.Args[1], verify.DecoderName(verify.UnderTest))
	if !verify.Repro(os.Stdout, b) {
		os.Exit(1)
	}
}
