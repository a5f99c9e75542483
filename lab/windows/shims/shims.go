// Package shims builds hcsshim's shims, the programs that containerd starts, for
// Windows, from the source of the hcsshim under test.
package shims

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/windows/calls"
)

// Shims are the programs of one hcsshim.
type Shims struct {
	Names   []string // of the executable files: of runhcs-v1, and of lcow-v2 if that reads options
	StandIn string   // the module, with its version, that was replaced by a stand-in; "" if none was
}

const lcowDir = "cmd/containerd-shim-lcow-v2"

// Build builds the shims of the hcsshim whose source is in the folder source, into
// dir, which it creates if necessary. The source is not changed: Build copies its
// module file into dir and edits the copy. The error says if the shims do not
// build; the compiler's output then is on standard error.
func Build(ctx context.Context, source, dir string) (*Shims, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	standIn, err := writeModule(ctx, source, dir)
	if err != nil {
		return nil, err
	}
	s := &Shims{[]string{"containerd-shim-runhcs-v1.exe"}, standIn}
	packages := []string{"./cmd/containerd-shim-runhcs-v1"}
	if readsBootstrap(filepath.Join(source, filepath.FromSlash(lcowDir))) {
		s.Names = append(s.Names, "containerd-shim-lcow-v2.exe")
		packages = append(packages, "./"+lcowDir)
	}
	args := append([]string{"build", "-modfile=" + filepath.Join(dir, "go.mod"), "-mod=mod", "-buildvcs=false",
		"-tags=lcow", "-ldflags=-s -w", "-o", dir}, packages...)
	cmd := goTool(ctx, source, args...)
	if err := gocmd.Show(cmd); err != nil {
		return nil, fmt.Errorf("the shims do not build for Windows, see above: %w", err)
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
		cmd := exec.CommandContext(ctx, objcopy, "--file-alignment=4096", filepath.Join(dir, program))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("aligning the sections of %s: %w: %s", program, err, gocmd.OneLine(string(out)))
		}
	}
	return nil
}

// BuildTests builds the tests of a shim for Windows, whose package is in the folder shim
// of the hcsshim in the folder source, into dir, as Build does the shims. With go vet
// all of them are compiled first.
func BuildTests(ctx context.Context, source, shim, dir string) (program string, err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if _, err := writeModule(ctx, source, dir); err != nil {
		return "", err
	}
	program = filepath.Join(dir, filepath.Base(shim)+".test.exe")
	module := []string{"-modfile=" + filepath.Join(dir, "go.mod"), "-mod=mod", "-trimpath", "-tags=lcow"}
	for _, command := range [][]string{{"vet"}, {"test", "-c", "-vet=off", "-o", program}} {
		if err := gocmd.Show(goTool(ctx, source, append(append(command, module...), "./"+shim)...)); err != nil {
			return "", fmt.Errorf("the tests of %s do not pass go %s, see above: %w", source, command[0], err)
		}
	}
	return program, nil
}

// BuildClient builds the program that calls the API of the shims, from the source of
// this suite, whose root is the folder root, into dir.
func BuildClient(ctx context.Context, root, dir string) error {
	cmd := goTool(ctx, filepath.Join(root, "lab"), "build", "-buildvcs=false", "-trimpath",
		"-o", filepath.Join(dir, calls.Client), "./windows/client")
	if err := gocmd.Show(cmd); err != nil {
		return fmt.Errorf("the client does not build for Windows, see above: %w", err)
	}
	return nil
}

// readsBootstrap reports whether an lcow-v2 exists in dir and reads its standard
// input. Before v0.15.0-rc.4 it did not.
func readsBootstrap(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "main.go"))
	return err == nil && bytes.Contains(text, []byte("api/runtime/bootstrap/v1"))
}

func goTool(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := gocmd.Command(ctx, dir, "go", args...)
	cmd.Env = append(cmd.Env, "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	return cmd
}

// writeModule copies the module file and its sums. It replaces the policy module by
// the stand-in if the module is not available.
func writeModule(ctx context.Context, source, dir string) (replaced string, err error) {
	name := filepath.Join(dir, "go.mod")
	text, err1 := os.ReadFile(filepath.Join(source, "go.mod"))
	sums, err2 := os.ReadFile(filepath.Join(source, "go.sum"))
	mod, err3 := modfile.Parse(name, text, nil)
	if err := errors.Join(err1, err2, err3, os.WriteFile(name, text, 0o666),
		os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o666)); err != nil {
		return "", err
	}
	version := required(mod, policyModule)
	if version == "" || available(ctx, source, name) {
		return "", ctx.Err()
	}
	place := filepath.Join(dir, "cosesign1go")
	if err := writeStandIn(place); err != nil {
		return "", err
	}
	_, err = gocmd.Run(dir, nil, "mod", "edit", "-replace="+policyModule+"="+place)
	return policyModule + " " + version, err
}

func required(mod *modfile.File, path string) string {
	for _, r := range mod.Require {
		if r.Mod.Path == path {
			return r.Mod.Version
		}
	}
	return ""
}

// available reports whether the policy module is in the module cache or can be
// downloaded.
func available(ctx context.Context, source, modFile string) bool {
	cmd := goTool(ctx, source, "mod", "download", "-modfile="+modFile, "-json", policyModule)
	cmd.Stderr = io.Discard
	out, _ := cmd.Output()
	var module struct{ Dir string }
	return json.Unmarshal(out, &module) == nil && module.Dir != ""
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
