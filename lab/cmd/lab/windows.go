package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"shimfuzz/lab/testrun"
	"shimfuzz/lab/windows/wine"
)

// windowsPackages are those whose tests run under Wine, which has no Go. Up to its
// version 8 it does not remove the temporary folders of tests, either.
var windowsPackages = []string{
	"./corpus/...", "./fuzz", "./internal/contract", "./internal/decoder",
	"./internal/findings",
	"./internal/hcsshim", "./internal/reference", "./internal/stdin", "./internal/verdict", "./internal/verify",
	"./internal/grammar", "./internal/wire", "./lab/compat/findings",
}

// windows runs the suite's own tests and the extracted decoder as programs for Windows.
func windows(ctx context.Context, j *job) error {
	flags, env, stop, err := j.startWine(ctx)
	if err != nil {
		return err
	}
	defer stop()
	run := testrun.New()
	run.Env = env
	packages := windowsPackages
	if j.hcsshim != "" { // the other tests do not depend on the hcsshim under test
		packages = []string{"./corpus", "./fuzz"}
	}
	type part struct {
		what string
		args []string
	}
	parts := []part{
		{"the corpus's tests and the fuzz targets' seeds", packages},
		{"corpus and properties", append([]string{"./properties", "-skip=" + walks}, j.rapid()...)},
	}
	for _, part := range parts {
		if err := run.Packages(ctx, j.b, j.test, part.what, slices.Concat(flags, []string{"-count=1"},
			part.args)...); err != nil {
			return err
		}
	}
	return run.Finish()
}

// startWine returns the flags and the variables with which the go command builds for
// Windows and runs under Wine, until stop is called.
func (j *job) startWine(ctx context.Context) (flags, env []string, stop func(), err error) {
	host, err := wine.Open(filepath.Join(j.root, "build", "wine"))
	if err != nil {
		return nil, nil, nil, err
	}
	fmt.Println("  starting Wine; the first time this takes some seconds")
	if err := host.Start(ctx); err != nil {
		host.Stop()
		return nil, nil, nil, err
	}
	flags, env = host.Tests()
	return flags, env, host.Stop, nil
}
