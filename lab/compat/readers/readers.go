// Package readers builds the programs that read a shim's standard input: each
// release of hcsshim's shims, the functions that containerd offers to authors of
// shims, containerd's own shim, rust-extensions' behaviour in Go, and the reference. All
// use the protocol of package protocol. Each that runs a release's code is a module of
// its own, which links the versions that the release requires.
package readers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/programs"
)

// Reader is a version of a program that reads what containerd sends to a shim.
type Reader struct {
	Name    string // one of package findings' programs, or "reference"
	Version string // release, or the path of a checkout; "" for the reference
	program string // folder with its source, and file name
}

// ID returns the name and the version, as in "hcsshim lcow-v2 v0.15.0".
func (r Reader) ID() string { return strings.TrimSpace(r.Name + " " + r.Version) }

// releases is every program and the versions of it that are run. To run one more, add
// a line, or a version to a line.
var releases = []struct {
	name, program string
	versions      []string
}{
	{"reference", "reference", []string{""}},
	{findings.RunHCS, "hcsshim", []string{"v0.8.23", "v0.9.12", "v0.10.0-rc.8", "v0.11.7", "v0.12.0", "v0.12.9",
		"v0.13.0", "v0.14.0", "v0.14.1", "v0.15.0"}},
	{findings.LCOW, "hcsshim", []string{"v0.15.0"}},
	{findings.ReadRuntimeOptions, "runtimeoptions", findings.ContainerdSince("v2.2.0")},
	{findings.PkgShim, "pkgshim", findings.ContainerdSince("v2.3.0")},
	{findings.RuncV2, "runc", findings.ContainerdSince("v2.2.0")},
	{findings.RustExtensions, "rustextensions", []string{"v0.11.0"}}, // the crate's, whose behaviour it has
}

// ErrNotHere is the error for a reader that cannot be run on this system.
var ErrNotHere = errors.New("not on this system")

// All returns the readers of the listed releases, and runhcs-v1 of one more hcsshim,
// which is a version or the path of a checkout; "" is none.
func All(more string) (all []Reader) {
	for _, l := range releases {
		versions := l.versions
		if l.name == findings.RunHCS && more != "" && !slices.Contains(versions, more) {
			versions = append(slices.Clone(versions), more)
		}
		for _, v := range versions {
			all = append(all, Reader{l.name, v, l.program})
		}
	}
	return all
}

// folder is the folder of the reader's program, below the tree's root.
func (r Reader) folder(root string) string {
	key := strings.NewReplacer(" ", "-", "/", "-", ".."+string(filepath.Separator), "").Replace(r.ID())
	return filepath.Join(root, "build", "readers", key)
}

// Program returns the path of the reader's program, which Build makes.
func (r Reader) Program(root string) string { return filepath.Join(r.folder(root), r.program) }

// Build builds the reader. The error is ErrNotHere on a system that the reader is not for,
// else one of downloading or building.
func (r Reader) Build(root string) error {
	if r.Name == findings.RuncV2 && runtime.GOOS != "linux" {
		return fmt.Errorf("%w: it needs Linux", ErrNotHere)
	}
	err := os.MkdirAll(r.folder(root), 0o777)
	if err == nil {
		err = r.build(root)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.ID(), err)
	}
	return nil
}

// source is the folder below the root with the programs' source.
const source = "lab/compat/readers/"

func (r Reader) build(root string) error {
	var from *extract.Source
	var release *gocmd.Module
	var err error
	switch project, _, _ := strings.Cut(r.Name, " "); project {
	case "hcsshim":
		if from, err = extract.Locate(root, r.Version); err == nil {
			release = &gocmd.Module{Path: "github.com/Microsoft/hcsshim", Version: from.Version, Dir: from.Dir}
		}
	case "containerd":
		release, err = gocmd.Download("github.com/containerd/containerd/v2", r.Version)
	default: // a package of the lab
		_, err = gocmd.Run(filepath.Join(root, "lab"), nil, "build", "-buildvcs=false", "-o", r.Program(root),
			"./compat/readers/"+r.program)
		return err
	}
	if err != nil {
		return err
	}
	m, err := programs.New(root, release, "lab/conformance/protocol/*.go", "internal/hcsshim/hcsshim.go",
		source+"lcow/*.go", source+r.program+"/*.go")
	if err == nil && from != nil {
		err = r.extract(m, from)
	}
	if err != nil {
		return err
	}
	packages := []string{"./" + programs.Folder + source + r.program}
	if r.Name == findings.RuncV2 { // which starts it
		packages = append(packages, "./cmd/containerd-shim-runc-v2")
	}
	return m.Build(r.folder(root), nil, packages...)
}

// extract adds the decoder of one of hcsshim's shims to a copy of hcsshim.
func (r Reader) extract(m *programs.Module, from *extract.Source) error {
	shim := extract.RunHCS
	if r.Name == findings.LCOW {
		shim = lcow
	}
	files, err := from.Files(shim)
	if err == nil && r.Name == findings.LCOW {
		files["lcow.go"] = m.Files[source+"lcow/lcow.go"]
		err = observe(files)
	}
	for name, text := range files {
		m.Files["extracted/"+name] = text
	}
	return err
}

// lcow is the shim in which the decoding is part of a function that uses what it finds.
var lcow = extract.Shim{Name: "containerd-shim-lcow-v2", Tag: "lcow",
	Entry: "cmd/containerd-shim-lcow-v2.setLogConfiguration", Signature: "func() error"}

var findsOptions = regexp.MustCompile(`\b\w+\.FindExtension\((&?\w+)\)`)

// observe makes a readOptions of what is extracted from lcow: the call that finds the
// options among the extensions reports what it finds. See lcow.go.
func observe(files map[string][]byte) error {
	const file, entry = "readoptions.go", "ReadOptions: setLogConfiguration,"
	text := files[file]
	if len(findsOptions.FindAll(text, -1)) != 1 || !bytes.Contains(text, []byte(entry)) {
		return errors.New("the shim no longer finds its options with one call of FindExtension")
	}
	text = findsOptions.ReplaceAll(text, []byte("observe($1)($0)"))
	files[file] = bytes.Replace(text, []byte(entry), []byte("ReadOptions: throughStdin(setLogConfiguration),"), 1)
	return nil
}
