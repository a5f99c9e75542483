package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/upstream"
	"shimfuzz/lab/windows/wine"
)

// report writes what upstream's trackers take of the findings.
func report(ctx context.Context, j *job) error {
	return upstream.Reports(ctx, j.root, string(j.finding), filepath.Join(j.root, "build", "reports"))
}

// patch writes the commit that closes the findings of an hcsshim.
func patch(ctx context.Context, j *job) error {
	source, err := extract.Locate(j.root, string(j.hcsshim))
	if err != nil {
		return err
	}
	name, t, err := upstream.Patch(ctx, source, filepath.Join(j.root, "build", "patch"))
	if err != nil {
		return err
	}
	fmt.Println("  building the tests of the patched shim for Windows; the first time this takes minutes")
	switch err := t.Check(ctx, j.root); {
	case errors.As(err, new(wine.Missing)):
		fmt.Printf("  go vet passes. NOT RUN: the tests of the patch: %v\n", err)
	case err != nil:
		return err
	default:
		fmt.Println("  go vet passes, and so do the tests of the patch")
	}
	fmt.Printf("for hcsshim %s:\n  git am %s\n", source.Name, settings.Quote(gocmd.FromHere(name)))
	fmt.Printf("hold the patched copy to the contract:\n  make test HCSSHIM=%s FINDINGS=none\n  make -C lab e2e "+
		"HCSSHIM=%[1]s FINDINGS=%s\n",
		settings.Quote(gocmd.FromHere(t.Dir)), upstream.Fixed())
	return nil
}
