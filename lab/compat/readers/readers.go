// Package readers builds the programs that read a shim's standard input: each
// release of hcsshim's shims, the functions that containerd offers to authors of
// shims, containerd's own shim, rust-extensions' behaviour in Go, and the reference. All
// use the protocol of package protocol. Each that runs a release's code is a module of
// its own, which links the versions that the release requires.
package readers

import (
	"bytes"
	"embed"
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
	build   func(root, dir, version string) error
	program string // file name, in Folder
}

// ID returns the name and the version, as in "hcsshim lcow-v2 v0.15.0".
func (r Reader) ID() string { return strings.TrimSpace(r.Name + " " + r.Version) }

// releases is every program and the versions of it that are run. To run one more, add
// a line, or a version to a line.
var releases = []struct {
	Reader
	versions []string
}{
	{Reader{Name: "reference", build: suite("reference"), program: "reference"}, []string{""}},
	{Reader{Name: findings.RunHCS, build: hcsshim(extract.RunHCS), program: "reader"},
		[]string{"v0.8.23", "v0.9.12", "v0.10.0-rc.8", "v0.11.7", "v0.12.0", "v0.12.9", "v0.13.0", "v0.14.0", "v0.14.1",
			"v0.15.0"}},
	{Reader{Name: findings.LCOW, build: hcsshim(lcow), program: "reader"}, []string{"v0.15.0"}},
	{Reader{Name: findings.ReadRuntimeOptions, build: containerd("runtimeoptions"), program: "runtimeoptions"},
		[]string{"v2.2.9", "v2.3.7", findings.NewestContainerd}},
	{Reader{Name: findings.PkgShim, build: containerd("pkgshim"), program: "pkgshim"},
		[]string{"v2.3.7", findings.NewestContainerd}},
	{Reader{Name: findings.RuncV2, build: containerd("runc"), program: "runc"},
		[]string{"v2.2.9", "v2.3.7", findings.NewestContainerd}},
	// the crate's, whose behaviour it has
	{Reader{Name: findings.RustExtensions, build: suite("rustextensions"), program: "rustextensions"},
		[]string{"v0.11.0"}},
}

// ErrNotHere is the error for a reader that cannot be run on this system.
var ErrNotHere = errors.New("not on this system")

// All returns the readers of the listed releases, and runhcs-v1 of one more hcsshim,
// which is a version or the path of a checkout; "" is none.
func All(more string) []Reader {
	var all []Reader
	for _, l := range releases {
		versions := l.versions
		if l.Name == findings.RunHCS && more != "" && !slices.Contains(versions, more) {
			versions = append(slices.Clone(versions), more)
		}
		for _, v := range versions {
			l.Version = v
			all = append(all, l.Reader)
		}
	}
	return all
}

// Folder returns the folder of the reader's program, below the tree's root.
func (r Reader) Folder(root string) string {
	key := strings.NewReplacer(" ", "-", "/", "-", ".."+string(filepath.Separator), "").Replace(r.ID())
	return filepath.Join(root, "build", "readers", key)
}

// Build builds the reader and returns its program's path. The error is ErrNotHere on
// a system that the reader is not for, else one of downloading or building.
func (r Reader) Build(root string) (program string, err error) {
	if r.Name == findings.RuncV2 && runtime.GOOS != "linux" {
		return "", fmt.Errorf("%w: it needs Linux", ErrNotHere)
	}
	dir := r.Folder(root)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if err := r.build(root, dir, r.Version); err != nil {
		return "", fmt.Errorf("%s: %w", r.ID(), err)
	}
	return r.Program(root), nil
}

// Program returns the path of the reader's program, which Build makes.
func (r Reader) Program(root string) string { return filepath.Join(r.Folder(root), r.program) }

//go:embed hcsshim/*.go lcow/*.go runtimeoptions/*.go pkgshim/*.go runc/*.go
var sources embed.FS

// protocolFolder is the folder of package protocol, which is copied into each module.
const protocolFolder = "lab/conformance/protocol"

// module returns a module for a reader, with the protocol in it.
func module(root string, release *gocmd.Module) (*programs.Module, error) {
	m := &programs.Module{Path: "shimfuzz", Release: release}
	return m, m.Add(protocolFolder, os.DirFS(root), protocolFolder, "protocol.go")
}

// hcsshim returns the function that builds a reader from the extracted decoder of one
// of hcsshim's shims.
func hcsshim(shim extract.Shim) func(root, dir, version string) error {
	return func(root, dir, version string) error {
		source, err := extract.Locate(root, version)
		if err != nil {
			return err
		}
		files, err := source.Files(shim)
		if err == nil && shim == lcow {
			err = observe(files)
		}
		if err != nil {
			return err
		}
		m, err := module(root, &gocmd.Module{Path: "github.com/Microsoft/hcsshim", Version: source.Version,
			Dir: source.Dir, GoMod: filepath.Join(source.Dir, "go.mod")})
		for name, text := range files {
			m.Files["extracted/"+name] = text
		}
		err = errors.Join(err, m.Add("internal/hcsshim", os.DirFS(root), "internal/hcsshim", "hcsshim.go"),
			m.Add("reader", sources, "hcsshim", "main.go"))
		if shim == lcow {
			err = errors.Join(err, m.Add("extracted", sources, "lcow", "lcow.go"))
		}
		if err != nil {
			return err
		}
		return m.Build(dir, nil, nil, "./reader")
	}
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

// containerd returns the function that builds one of the programs that call
// containerd's code. For the one that runs containerd's own shim it builds that, too.
func containerd(program string) func(root, dir, version string) error {
	const path = "github.com/containerd/containerd/v2"
	return func(root, dir, version string) error {
		release, err := gocmd.Download(path, version)
		if err != nil {
			return err
		}
		m, err := module(root, release)
		if err := errors.Join(err, m.Add(program, sources, program, "main.go")); err != nil {
			return err
		}
		packages := []string{"./" + program}
		if program == "runc" {
			packages = append(packages, path+"/cmd/containerd-shim-runc-v2")
		}
		return m.Build(dir, nil, nil, packages...)
	}
}

// suite returns the function that builds a reader that is a package of the suite's
// module.
func suite(program string) func(root, dir, version string) error {
	return func(root, dir, _ string) error {
		_, err := gocmd.Run(filepath.Join(root, "lab"), nil, "build", "-buildvcs=false", "-o",
			dir+string(filepath.Separator), "./compat/readers/"+program)
		return err
	}
}
