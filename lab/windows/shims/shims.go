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

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/windows"
)

// Shims are the programs of one hcsshim.
type Shims struct {
	Names   []string // of the executable files: of runhcs-v1, and of lcow-v2 if that reads options
	StandIn string   // the module, with its version, that was replaced by a stand-in; "" if none was
}

const lcowDir = "cmd/containerd-shim-lcow-v2"

// Build builds the shims of the hcsshim whose source is in the folder source, and the
// client, from the source of the suite whose root is the folder root, into dir, which it
// creates if necessary. The source is not changed: Build copies its module file into dir
// and edits the copy. The error says what does not build; the compiler's output then is
// on standard error.
func Build(ctx context.Context, root, source, dir string) (*Shims, error) {
	standIn, err := writeModule(source, dir)
	if err != nil {
		return nil, err
	}
	s := &Shims{[]string{"containerd-shim-runhcs-v1.exe"}, standIn}
	args := []string{"build", "-modfile=" + filepath.Join(dir, "go.mod"), "-mod=mod", "-buildvcs=false",
		"-tags=lcow", "-ldflags=-s -w", "-o", dir, "./cmd/containerd-shim-runhcs-v1"}
	// Before v0.15.0-rc.4 there is no lcow-v2, or it does not read its standard input.
	main, err := os.ReadFile(filepath.Join(source, filepath.FromSlash(lcowDir), "main.go"))
	if err == nil && bytes.Contains(main, []byte("api/runtime/bootstrap/v1")) {
		s.Names = append(s.Names, "containerd-shim-lcow-v2.exe")
		args = append(args, "./"+lcowDir)
	}
	if err := gocmd.Show(goTool(ctx, source, args...)); err != nil {
		return nil, fmt.Errorf("the shims do not build for Windows, see above: %w", err)
	}
	client := goTool(ctx, filepath.Join(root, "lab"), "build", "-buildvcs=false", "-trimpath",
		"-o", filepath.Join(dir, windows.Client), "./windows/client")
	if err := gocmd.Show(client); err != nil {
		return nil, fmt.Errorf("the client does not build for Windows, see above: %w", err)
	}
	return s, alignSections(ctx, dir, s.Names)
}

// alignSections moves the sections of programs to whole pages of their files, if the
// tool for it is installed. Wine maps such a section; any other it reads into memory,
// which takes a quarter of the time of a start.
func alignSections(ctx context.Context, dir string, programs []string) error {
	objcopy, err := exec.LookPath("x86_64-w64-mingw32-objcopy")
	if err != nil {
		return nil // it is slower then
	}
	for _, program := range programs {
		if _, err := gocmd.Output(gocmd.Command(ctx, dir, objcopy, "--file-alignment=4096", program)); err != nil {
			return fmt.Errorf("aligning the sections of %s: %w", program, err)
		}
	}
	return nil
}

// TestFlags returns flags with which the go command tests the hcsshim in the folder source,
// with all of go vet. As Build does it writes an edited module file, into dir.
func TestFlags(source, dir string) ([]string, error) {
	_, err := writeModule(source, dir)
	return []string{"-modfile=" + filepath.Join(dir, "go.mod"), "-mod=mod", "-trimpath", "-tags=lcow", "-vet=all"}, err
}

func goTool(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := gocmd.Command(ctx, dir, "go", args...)
	cmd.Env = append(cmd.Env, "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	return cmd
}

// writeModule copies the module file and its sums into dir, which it creates if necessary.
// It replaces the policy module by the stand-in if that can be neither found nor downloaded.
func writeModule(source, dir string) (replaced string, err error) {
	name := filepath.Join(dir, "go.mod")
	err0 := os.MkdirAll(dir, 0o777)
	text, err1 := os.ReadFile(filepath.Join(source, "go.mod"))
	sums, err2 := os.ReadFile(filepath.Join(source, "go.sum"))
	mod, err3 := modfile.Parse(name, text, nil)
	if err := errors.Join(err0, err1, err2, err3, os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o666)); err != nil {
		return "", err
	}
	for _, r := range mod.Require {
		if r.Mod.Path != policyModule {
			continue
		}
		if _, err := gocmd.Download(r.Mod.Path, r.Mod.Version); err == nil {
			break
		}
		replaced = r.Mod.Path + " " + r.Mod.Version
		place := filepath.Join(dir, "cosesign1go")
		if err := errors.Join(writeStandIn(place), mod.AddReplace(policyModule, "", place, "")); err != nil {
			return "", err
		}
	}
	text, err = mod.Format()
	return replaced, errors.Join(err, os.WriteFile(name, text, 0o666))
}

// policyModule checks signatures of security policies, long after the shim has
// read its options. Some module proxies do not have it.
const policyModule = "github.com/Microsoft/cosesign1go"

// standIn declares the names of policyModule that hcsshim uses. If a later hcsshim uses
// more, it does not compile.
//
//go:embed cosesign1.go.txt
var standIn []byte

// writeStandIn writes the stand-in as a module of its own.
func writeStandIn(dir string) error {
	pkg := filepath.Join(dir, "pkg", "cosesign1")
	return errors.Join(
		os.MkdirAll(pkg, 0o777),
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+policyModule+"\n\ngo 1.21\n"), 0o666),
		os.WriteFile(filepath.Join(pkg, "cosesign1.go"), standIn, 0o666))
}
