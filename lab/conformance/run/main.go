// Command run holds a reader in a process of its own to the contract, or with a case
// shows what it answers to that. make -C lab conformance and make repro run it, in a build with
// the Options of the hcsshim that the user names.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	// The predictions of findings depend on which types the shim's binary links.
	_ "shimfuzz/internal/hcsshim"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/conformance"
)

func main() {
	// The parent passes an interrupt on; a second one ends the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	passes, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !passes {
		os.Exit(1)
	}
}

func run(ctx context.Context) (passes bool, err error) {
	s := new(conformance.Settings)
	if s.Test, err = settings.Load(); err != nil {
		return false, err
	}
	if err := json.Unmarshal([]byte(s.Test.Lab), s); err != nil {
		return false, fmt.Errorf("make -C lab conformance runs this: %w", err)
	}
	if len(os.Args) > 1 {
		return conformance.Repro(ctx, os.Stdout, os.Args[1], s)
	}
	return conformance.Run(ctx, os.Stdout, s)
}
