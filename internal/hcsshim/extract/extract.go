package extract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/tools/go/packages"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
)

// Build is an hcsshim that is put under test: a module of what is extracted from it,
// and a workspace that joins this module to the suite's.
type Build struct {
	Source *Source
	Entry  string // the function that the user has chosen, "" finds it
	Root   string // the suite's root
	Dir    string // an ignored folder for what belongs to this build alone
	Work   string // the workspace's file, for GOWORK
}

// What stands in a generated file before the stamp, and before the function under test
// if it is not the usual one.
const (
	stampPrefix = "// Stamp: "
	entryPrefix = "// Under test: "
)

// Prepare puts the hcsshim that spec names under test, below build/; spec "" is the one
// that root's go.mod requires, and what go commands test that are given no GOWORK. It does
// nothing when that has been done before.
func Prepare(root, spec, entry string) (*Build, error) {
	s, err := Locate(root, spec)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, "build", s.Key())
	b := &Build{Source: s, Entry: entry, Root: root, Dir: dir, Work: filepath.Join(dir, "go.work")}
	stamp, err := b.stamp()
	if err != nil {
		return nil, err
	}
	if !b.fresh(stamp) {
		if err := b.extract(stamp); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if spec == "" {
		err = b.useByDefault()
	}
	return b, errors.Join(err, b.sayEntry())
}

// sayEntry says which function is under test, if it is not the usual one.
func (b *Build) sayEntry() error {
	text, err := os.ReadFile(b.DecoderFile())
	if m := saysEntry.FindSubmatch(text); m != nil {
		fmt.Fprintf(os.Stderr, "the readOptions under test is %s\n", m[1])
	}
	return err
}

var saysEntry = regexp.MustCompile("(?m)^" + entryPrefix + "(.*)$")

// moduleDir is the folder of the extracted module.
func (b *Build) moduleDir() string { return filepath.Join(b.Dir, "extracted") }

// path is where the extracted file of this slash-separated name is kept.
func (b *Build) path(name string) string {
	return filepath.Join(b.moduleDir(), filepath.FromSlash(name))
}

// stamp changes whenever another extraction could come out: with the hcsshim,
// with this package, with the tree's go.mod, with the system built for.
func (b *Build) stamp() (string, error) {
	own, errOwn := dirhash.HashDir(filepath.Join(b.Root, "internal", "hcsshim", "extract"), "", dirhash.Hash1)
	mod, errMod := os.ReadFile(filepath.Join(b.Root, "go.mod"))
	theirs, errTheirs := b.Source.hash()
	sum := sha256.Sum256(fmt.Appendln(mod, own, theirs, b.Source.Name, b.Entry, runtime.GOOS, runtime.Version()))
	return hex.EncodeToString(sum[:8]), errors.Join(errOwn, errMod, errTheirs)
}

// fresh reports whether the extraction with this stamp is there. The decoder's
// file is the last one written, so its stamp holds for the others.
func (b *Build) fresh(stamp string) bool {
	text, err := os.ReadFile(b.DecoderFile())
	return err == nil && bytes.Contains(text, []byte(stampPrefix+stamp+"\n"))
}

// extract extracts the decoder and puts it in place.
func (b *Build) extract(stamp string) error {
	fmt.Fprintf(os.Stderr, "extracting readOptions of hcsshim %s\n", b.Source.Name)
	shim := RunHCS
	shim.create, shim.entry, shim.build = true, b.Entry, b.Dir
	set, deps, err := extractShim(b.Source, shim, stamp)
	if err != nil {
		return err
	}
	if err := b.writeModule(deps); err != nil {
		return err
	}
	if err := b.write(set); err != nil {
		return err
	}
	return b.compile()
}

// extractShim extracts a shim's decoder and finds the packages of its binary.
func extractShim(s *Source, shim Shim, stamp string) (fileSet, map[string]*packages.Package, error) {
	if _, err := os.Stat(filepath.Join(s.Dir, "cmd", shim.Name)); err != nil {
		return nil, nil, fmt.Errorf("no %s in it: %w", shim.Name, err)
	}
	pkgs, err := s.load(packages.LoadAllSyntax, "windows", shim.tag, "./cmd/"+shim.Name)
	if err != nil {
		return nil, nil, err
	}
	p, err := newShim(s, shim.importPath(), pkgs)
	if err != nil {
		return nil, nil, err
	}
	x, err := extractDecls(shim, p)
	if err != nil {
		return nil, nil, err
	}
	if shim.observed != "" {
		if err := x.readOptions.observe(); err != nil {
			return nil, nil, err
		}
	}
	l, err := linkedPackages(s, p)
	if err != nil {
		return nil, nil, err
	}
	set, err := files(s, shim, stamp, x, l)
	return set, p.deps, err
}

// write puts the set in place, the decoder's file last, and removes what an
// earlier extraction left.
func (b *Build) write(set fileSet) error {
	if err := os.RemoveAll(b.path(linkedDir)); err != nil {
		return err
	}
	for name, text := range set {
		if name != decoderFile {
			if err := writeFile(b.path(name), text); err != nil {
				return err
			}
		}
	}
	return writeFile(b.DecoderFile(), set[decoderFile])
}

// compile resolves the imports and reports the compiler's own message. A
// decoder that does not compile is removed, so that the next run tries again
// instead of finding it fresh.
func (b *Build) compile() (err error) {
	defer func() {
		if err != nil {
			os.Remove(b.DecoderFile())
		}
	}()
	if _, err := gocmd.Output(b.Go(context.Background(), settings.Test{}, "list", "-deps", "-test",
		"./...")); err != nil {
		return fmt.Errorf("getting the modules it needs: %s", gocmd.OneLine(err.Error()))
	}
	if _, err := gocmd.Output(b.Go(context.Background(), settings.Test{}, "build", Module)); err != nil {
		return fmt.Errorf("what is extracted does not compile here: %s", b.complaint(err.Error()))
	}
	return nil
}

var complaintAt = regexp.MustCompile(`(?m)^.*/((?:readoptions|create)\.go):(\d+):\d+: (.*)$`)

// complaint is the first thing that the compiler says, with the declaration of
// hcsshim's that it is about.
func (b *Build) complaint(text string) string {
	m := complaintAt.FindStringSubmatch(text)
	if m == nil {
		return gocmd.OneLine(text)
	}
	line, _ := strconv.Atoi(m[2])          // it is digits
	source, _ := os.ReadFile(b.path(m[1])) // it was compiled just now
	from := "hcsshim"
	for i, text := range strings.Split(string(source), "\n") {
		if place, found := strings.CutPrefix(text, "// From "); found && i < line {
			from = strings.TrimSuffix(place, ".")
		}
	}
	return "what is from " + from + ": " + m[3]
}

// writeFile replaces a file at once, for others may be reading it, and only if it changes.
func writeFile(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%d", name, os.Getpid())
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// DecoderFile is the file with the extracted readOptions.
func (b *Build) DecoderFile() string { return b.path(decoderFile) }

// CreateFile is the file with what decodes the options of a CreateTaskRequest.
func (b *Build) CreateFile() string { return b.path(createFile) }
