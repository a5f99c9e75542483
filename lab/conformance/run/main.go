// Command run holds a reader in a process of its own to the contract, or with a case
// shows what it answers to that. make -C lab conformance and make -C lab repro run it, in a build
// with the Options of the hcsshim that the user names.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	// The predictions of findings depend on which types the shim links, and its words are asked.
	_ "shimfuzz/extracted"
	"shimfuzz/lab/conformance"
)

func main() {
	debug.SetGCPercent(400) // the enumeration leaves much garbage
	// The parent passes an interrupt on; a second one ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	passes := false
	s, err := conformance.LoadSettings()
	switch {
	case err != nil:
	case len(os.Args) > 1:
		passes, err = conformance.Repro(ctx, os.Stdout, os.Args[1], s)
	default:
		passes, err = conformance.Run(ctx, os.Stdout, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !passes {
		os.Exit(1)
	}
}
