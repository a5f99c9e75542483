package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shimfuzz/internal/hcsshim/extract"
)

// bench measures the decoders and the generators on the hcsshim under test.
func bench(ctx context.Context, b *extract.Build) error {
	if err := printVersions(ctx, b); err != nil {
		return err
	}
	return reported(goTool(ctx, b, "test", "-run=^$", "-bench=.", "-benchtime="+setting("BENCHTIME", "300ms"), "./properties", "./fuzz"))
}

// lint holds the tree's own code to gofmt, vet and staticcheck. The extracted
// code is hcsshim's.
func lint(ctx context.Context, b *extract.Build) error {
	packages, err := ownPackages(ctx, b)
	if err != nil {
		return err
	}
	var dirs []string
	for _, p := range packages {
		dirs = append(dirs, filepath.Join(b.Root, strings.TrimPrefix(p, "shimfuzz")))
	}
	badly, err := printed(tool(ctx, b, "gofmt", append([]string{"-l"}, dirs...)...))
	if err != nil {
		return fmt.Errorf("gofmt: %w", err)
	}
	if badly != "" {
		fmt.Fprintf(os.Stderr, "not gofmt'd:\n%s\n", badly)
		return errReported
	}
	for _, args := range [][]string{{"vet"}, {"tool", "staticcheck"}} {
		if err := reported(tool(ctx, b, "go", append(args, packages...)...)); err != nil {
			return err
		}
	}
	fmt.Printf("lint: %d packages are clean: gofmt, vet, staticcheck\n", len(packages))
	return nil
}

func ownPackages(ctx context.Context, b *extract.Build) ([]string, error) {
	out, err := printed(tool(ctx, b, "go", "list", "./..."))
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var own []string
	for line := range strings.Lines(out) {
		if p := strings.TrimSpace(line); !strings.Contains(p, "/internal/hcsshim/linked/") {
			own = append(own, p)
		}
	}
	return own, nil
}
