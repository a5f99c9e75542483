// Package shims builds hcsshim's shims, the programs that containerd starts, for
// Windows, from the source of the hcsshim under test.
package shims

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/tools/txtar"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/windows"
)

// Build builds the shims of the hcsshim whose source is in the folder source, and the
// client, from the source of the suite whose root is the folder root, into dir, which it
// creates if necessary, and says what it has built. The source is not changed. The error
// says what does not build; the compiler's output then is on standard error.
func Build(ctx context.Context, root, source, dir string) error {
	fmt.Println("  building the shims for Windows; the first time this takes minutes")
	flags, err := Module(source, dir)
	if err != nil {
		return err
	}
	programs := []string{"containerd-shim-runhcs-v1"}
	const lcow = "containerd-shim-lcow-v2"
	main, err := os.ReadFile(filepath.Join(source, "cmd", lcow, "main.go"))
	if err == nil && bytes.Contains(main, []byte("api/runtime/bootstrap/v1")) {
		programs = append(programs, lcow)
	} else {
		fmt.Println("  NOT RUN: " + lcow + ", because this hcsshim has none that reads BootstrapParams")
	}
	for _, name := range programs {
		if err := build(ctx, source, append(flags, "-ldflags=-s -w", "-o", dir, "./cmd/"+name)...); err != nil {
			return err
		}
		// Wine maps a section that begins on a page of its file. Any other it reads into
		// memory, which takes a quarter of the time of a start.
		align := gocmd.Command(ctx, dir, "x86_64-w64-mingw32-objcopy", "--file-alignment=4096", name+".exe")
		if _, err := gocmd.Output(align); err != nil && !errors.Is(align.Err, exec.ErrNotFound) {
			return fmt.Errorf("aligning the sections of %s: %w", name, err)
		}
	}
	client := filepath.Join(dir, windows.Client)
	return build(ctx, filepath.Join(root, "lab"), "-trimpath", "-o", client, "./windows/client")
}

// build runs go build for Windows on a package, which is the last argument.
func build(ctx context.Context, dir string, args ...string) error {
	cmd := gocmd.Command(ctx, dir, "go", append([]string{"build", "-buildvcs=false"}, args...)...)
	cmd.Env = append(cmd.Env, "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if err := gocmd.Show(cmd); err != nil {
		return fmt.Errorf("%s does not build for Windows, see above: %w", args[len(args)-1], err)
	}
	return nil
}

// policyModule checks signatures of security policies, long after the shim has
// read its options. Some module proxies do not have it.
const policyModule = "github.com/Microsoft/cosesign1go"

// standIn is a module that declares the names of policyModule that hcsshim uses. If a later
// hcsshim uses more, it does not compile.
//
//go:embed cosesign1go.txtar
var standIn []byte

// Module copies the module file of the hcsshim in the folder source, and its sums, into dir,
// and returns the flags with which the go command builds with these. There the policy module
// is replaced by the stand-in, and Module says so, if it can be neither found nor downloaded.
func Module(source, dir string) (flags []string, err error) {
	err = os.MkdirAll(dir, 0o777)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, errRead := os.ReadFile(filepath.Join(source, name))
		err = errors.Join(err, errRead, os.WriteFile(filepath.Join(dir, name), text, 0o666))
	}
	flags = []string{"-modfile=" + filepath.Join(dir, "go.mod"), "-mod=mod", "-tags=lcow"}
	if _, errGet := gocmd.Run(dir, nil, "mod", "download", policyModule); err != nil || errGet == nil {
		return flags, err
	}
	fmt.Printf("  with a stand-in for %s, which cannot be had here\n", policyModule)
	place := filepath.Join(dir, "cosesign1go")
	files, _ := txtar.FS(txtar.Parse(standIn)) // it is well-formed
	_, err = gocmd.Run(dir, nil, "mod", "edit", "-replace="+policyModule+"="+place)
	return flags, errors.Join(err, os.RemoveAll(place), os.CopyFS(place, files))
}
