// Command repro shows a payload and what each decoder answers to it. It exits
// with 1 if the answer of the one under test is wrong and no excused finding explains it.
package main

import (
	"fmt"
	"os"

	"shimfuzz/internal/verify"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: make repro CASE=file")
		os.Exit(2)
	}
	b, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	passes := false
	code := verify.Main(func() int {
		if passes, err = verify.Repro(os.Stdout, b); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return 0
	})
	if !passes || code != 0 || err != nil {
		os.Exit(1)
	}
}
