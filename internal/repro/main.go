// Command repro shows a payload and what each decoder answers to it. It exits
// with 1 if hcsshim's answer is wrong and no excused finding explains it.
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
	fmt.Printf("%s on hcsshim %s\n\n", os.Args[1], hcsshim.Source())
	if !verify.Repro(os.Stdout, b) {
		os.Exit(1)
	}
}
