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

	"golang.org/x/mod/modfile"
	"golang.org/x/tools/txtar"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/windows"
)

// Build builds the shims of the hcsshim whose source is in the folder source, and the
// client, from the source of the suite whose root is the folder root, into dir, which it
// creates if necessary, and says what it has built. The source is not changed: Build
// copies its module file into dir and edits the copy. The error says what does not build;
// the compiler's output then is on standard error.
func Build(ctx context.Context, root, source, dir string) error {
	fmt.Println("  building the shims for Windows; the first time this takes minutes")
	if err := writeModule(source, dir); err != nil {
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
		if err := build(ctx, source, inModule(dir, "-ldflags=-s -w", "-o", dir, "./cmd/"+name)...); err != nil {
			return err
		}
		// Wine maps a section that begins on a page of its file. Any other it reads into
		// memory, which takes a quarter of the time of a start.
		objcopy, err := exec.LookPath("x86_64-w64-mingw32-objcopy")
		if err != nil {
			continue
		}
		align := gocmd.Command(ctx, dir, objcopy, "--file-alignment=4096", name+".exe")
		if _, err := gocmd.Output(align); err != nil {
			return fmt.Errorf("aligning the sections of %s: %w", name, err)
		}
	}
	client := filepath.Join(dir, windows.Client)
	return build(ctx, filepath.Join(root, "lab"), "-trimpath", "-o", client, "./windows/client")
}

// TestFlags returns flags with which the go command tests the hcsshim in the folder source,
// with all of go vet. As Build does it writes an edited module file, into dir.
func TestFlags(source, dir string) ([]string, error) {
	return inModule(dir, "-trimpath", "-vet=all"), writeModule(source, dir)
}

// inModule are flags for hcsshim with the module file in dir, before others.
func inModule(dir string, args ...string) []string {
	return append([]string{"-modfile=" + filepath.Join(dir, "go.mod"), "-mod=mod", "-tags=lcow"}, args...)
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

// writeModule copies the module file and its sums into dir, which it creates if necessary.
// It replaces the policy module by the stand-in, and says so, if that can be neither found
// nor downloaded.
func writeModule(source, dir string) error {
	name := filepath.Join(dir, "go.mod")
	err0 := os.MkdirAll(dir, 0o777)
	text, err1 := os.ReadFile(filepath.Join(source, "go.mod"))
	sums, err2 := os.ReadFile(filepath.Join(source, "go.sum"))
	mod, err3 := modfile.Parse(name, text, nil)
	if err := errors.Join(err0, err1, err2, err3, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o666)); err != nil {
		return err
	}
	for _, r := range mod.Require {
		if r.Mod.Path != policyModule {
			continue
		}
		if _, err := gocmd.Download(r.Mod.Path, r.Mod.Version); err == nil {
			break
		}
		fmt.Printf("  with a stand-in for %s, which cannot be had here\n", r.Mod)
		place := filepath.Join(dir, "cosesign1go")
		files, _ := txtar.FS(txtar.Parse(standIn)) // it is well-formed
		if err := errors.Join(os.RemoveAll(place), os.CopyFS(place, files),
			mod.AddReplace(policyModule, "", place, "")); err != nil {
			return err
		}
	}
	return os.WriteFile(name, modfile.Format(mod.Syntax), 0o666)
}

// policyModule checks signatures of security policies, long after the shim has
// read its options. Some module proxies do not have it.
const policyModule = "github.com/Microsoft/cosesign1go"

// standIn is a module that declares the names of policyModule that hcsshim uses. If a later
// hcsshim uses more, it does not compile.
//
//go:embed cosesign1go.txtar
var standIn []byte
