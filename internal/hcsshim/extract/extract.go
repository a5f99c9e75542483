package extract

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"shimfuzz/internal/gocmd"
)

// Build is a tree with a decoder under test in it.
type Build struct {
	Source *Source
	Entry  string   // the function that the user has chosen, "" finds it
	Root   string   // the tree's root
	Dir    string   // an ignored folder for what belongs to this build alone
	Flags  []string // for the go command: none for the tree's own go.mod

	// Windows says why the build is one for Windows on another system, where its tests
	// run under Wine. It is "" for a build for this system.
	Windows string
}

// What stands in a generated file before the stamp, before the function under test
// if it is not the usual one, and before Build.Windows if there is one.
const (
	stampPrefix   = "// Stamp: "
	entryPrefix   = "// Under test: "
	windowsPrefix = "// For Windows: "
)

// notHere says why what is extracted does not build for a system.
type notHere struct{ reason string }

func (n notHere) Error() string { return n.reason }

// refused is the error of what cannot be built for Windows in place of this system.
func refused(s *Source, err error) error {
	if errors.As(err, new(notHere)) {
		return fmt.Errorf("%s: %w; make test can test it, under Wine", s.Name, err)
	}
	return fmt.Errorf("%s: %w", s.Name, err)
}

// Prepare puts the hcsshim that spec names under test: spec "" is the one that
// root's go.mod requires and goes into the tree, in files git ignores; any other
// goes below build/ and is reached by -modfile and -overlay. It does nothing
// when that has been done before. What does not build for this system is an error.
func Prepare(root, spec, entry string) (*Build, error) {
	b, err := PrepareAny(root, spec, entry)
	if err == nil && b.Windows != "" {
		return nil, refused(b.Source, notHere{b.Windows})
	}
	return b, err
}

// PrepareAny is Prepare for those who can run what builds for Windows only.
func PrepareAny(root, spec, entry string) (*Build, error) {
	s, err := Locate(root, spec)
	if err != nil {
		return nil, err
	}
	b := &Build{Source: s, Entry: entry, Root: root, Dir: filepath.Join(root, "build", "default")}
	if spec != "" {
		b.Dir = filepath.Join(root, "build", s.Key())
		b.Flags = []string{"-modfile=" + b.modfile(), "-overlay=" + b.Overlay()}
	}
	if err := os.MkdirAll(b.Dir, 0o777); err != nil {
		return nil, err
	}
	stamp, err := b.stamp()
	if err != nil {
		return nil, err
	}
	if !b.fresh(stamp) {
		if err := b.extract(stamp); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return b, b.readHead()
}

// readHead reads for which system the extraction is, and says which function is under
// test, if it is not the usual one.
func (b *Build) readHead() error {
	text, err := os.ReadFile(b.DecoderFile())
	if err != nil {
		return err
	}
	if entry := inHead(text, entryPrefix); entry != "" {
		fmt.Fprintln(os.Stderr, "the readOptions under test is "+entry)
	}
	b.Windows = inHead(text, windowsPrefix)
	return nil
}

// inHead is the rest of the line with the prefix at the head of a generated file, "" if
// there is none.
func inHead(text []byte, prefix string) string {
	head, _, _ := strings.Cut(string(text), "\npackage ")
	_, rest, _ := strings.Cut(head, prefix)
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

func (b *Build) modfile() string { return filepath.Join(b.Dir, "go.mod") }

// Overlay is the file for -overlay.
func (b *Build) Overlay() string { return filepath.Join(b.Dir, "overlay.json") }

// inTree reports whether the extracted files go into the tree itself.
func (b *Build) inTree() bool { return len(b.Flags) == 0 }

// path is where the extracted file of this name is kept.
func (b *Build) path(name string) string {
	if b.inTree() {
		return filepath.Join(b.Root, filepath.FromSlash(name))
	}
	return filepath.Join(b.Dir, "tree", filepath.FromSlash(name))
}

//go:embed *.go
var ownSource embed.FS

// stamp changes whenever another extraction could come out: with the hcsshim,
// with this package, with the tree's go.mod, with the system built for.
func (b *Build) stamp() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, b.Source.Name, b.Entry, runtime.GOOS, runtime.Version())
	mod, err := os.ReadFile(filepath.Join(b.Root, "go.mod"))
	if err != nil {
		return "", err
	}
	h.Write(mod)
	if b.Source.Version == "" {
		if err := b.Source.hash(h); err != nil {
			return "", err
		}
	}
	names, err := fs.Glob(ownSource, "*.go")
	for _, name := range names {
		text, _ := ownSource.ReadFile(name) // it is in memory
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}

// fresh reports whether the extraction with this stamp is there. The decoder's
// file is the last one written, so its stamp holds for the others.
func (b *Build) fresh(stamp string) bool {
	text, err := os.ReadFile(b.path(decoderFile))
	return err == nil && bytes.Contains(text, []byte(stampPrefix+stamp+"\n"))
}

func (b *Build) extract(stamp string) error {
	fmt.Fprintf(os.Stderr, "extracting readOptions of hcsshim %s\n", b.Source.Name)
	shim := RunHCS
	shim.create, shim.entry = true, b.Entry
	err := b.extractShim(shim, stamp)
	var no notHere
	if errors.As(err, &no) && runtime.GOOS != "windows" {
		shim.windows = no.reason
		err = b.extractShim(shim, stamp)
	}
	return err
}

// extractShim extracts a shim's decoder and puts it in place. The error is notHere if
// it does not build for the shim's system.
func (b *Build) extractShim(shim Shim, stamp string) error {
	set, deps, err := extractShim(b.Source, shim, stamp)
	if err != nil {
		return err
	}
	if !b.inTree() {
		if err := b.writeModule(deps); err != nil {
			return err
		}
	}
	if err := b.write(set); err != nil {
		return err
	}
	return b.compile(shim)
}

// extractShim extracts a shim's decoder and lists the packages of its binary.
func extractShim(s *Source, shim Shim, stamp string) (fileSet, []*goPackage, error) {
	dir := filepath.Join(s.Dir, "cmd", shim.Name)
	if _, err := os.Stat(dir); err != nil {
		return nil, nil, fmt.Errorf("no %s in it: %w", shim.Name, err)
	}
	deps, err := listDeps(s, "windows", shim.tag, "./cmd/"+shim.Name)
	if err != nil {
		return nil, nil, err
	}
	pkgs, err := load(s, shim.tag, deps)
	if err != nil {
		return nil, nil, err
	}
	p, err := newShim(s, shim.importPath(), pkgs, deps)
	if err != nil {
		return nil, nil, err
	}
	x, err := extractDecls(shim, p)
	if err != nil {
		return nil, nil, err
	}
	if shim.observed != "" {
		if err := x.observe(); err != nil {
			return nil, nil, err
		}
	}
	l, err := linkedPackages(s, shim, deps, x.allUses())
	if err != nil {
		return nil, nil, err
	}
	set, err := files(s, shim, stamp, x, l)
	return set, deps, err
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
	if !b.inTree() {
		if err := b.writeOverlay(set); err != nil {
			return err
		}
	}
	return writeFile(b.path(decoderFile), set[decoderFile])
}

// writeOverlay lays the set over the tree and hides what the tree's own
// extraction may have put there.
func (b *Build) writeOverlay(set fileSet) error {
	replace := make(map[string]string)
	own := filepath.Join(b.Root, filepath.FromSlash(linkedDir))
	err := filepath.WalkDir(own, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			replace[name] = ""
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for name := range set {
		replace[filepath.Join(b.Root, filepath.FromSlash(name))] = b.path(name)
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(b.Overlay(), text)
}

// compile resolves the imports and reports the compiler's own message. A
// decoder that does not compile is removed, so that the next run tries again
// instead of finding it fresh.
func (b *Build) compile(shim Shim) (err error) {
	defer func() {
		if err != nil {
			os.Remove(b.DecoderFile())
		}
	}()
	var env []string
	if shim.windows != "" {
		env = []string{"GOOS=windows", "GOARCH=amd64"}
	}
	if !b.inTree() {
		list := slices.Concat([]string{"list", "-mod=mod", "-deps", "-test"}, b.Flags, []string{"./fuzz", "./properties", "./corpus/...", "./internal/..."})
		if _, err := gocmd.Run(b.Root, env, list...); err != nil {
			return fmt.Errorf("getting the modules it needs: %s", gocmd.OneLine(err.Error()))
		}
	}
	build := slices.Concat([]string{"build"}, b.Flags, []string{"./internal/hcsshim"})
	if _, err := gocmd.Run(b.Root, env, build...); err != nil {
		return notHere{fmt.Sprintf("what is extracted does not compile on %s: %s", shim.goos(), b.complaint(err.Error()))}
	}
	return nil
}

var complaintAt = regexp.MustCompile(`(?m)^.*/(zz_\w+\.go):(\d+):\d+: (.*)$`)

// complaint is the first thing that the compiler says, with the declaration of
// hcsshim's that it is about.
func (b *Build) complaint(text string) string {
	m := complaintAt.FindStringSubmatch(text)
	if m == nil {
		return gocmd.OneLine(text)
	}
	line, _ := strconv.Atoi(m[2])                                // it is digits
	source, _ := os.ReadFile(b.path("internal/hcsshim/" + m[1])) // it was compiled just now
	from := "hcsshim"
	for i, text := range strings.Split(string(source), "\n") {
		if place, found := strings.CutPrefix(text, "// From "); found && i < line {
			from = strings.TrimSuffix(place, ".")
		}
	}
	return "what is from " + from + ": " + m[3]
}

func writeFile(name string, text []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return os.Rename(tmp.Name(), name)
}

// DecoderFile is the file with the extracted readOptions.
func (b *Build) DecoderFile() string { return b.path(decoderFile) }

// CreateFile is the file with what decodes the options of a CreateTaskRequest.
func (b *Build) CreateFile() string { return b.path(createFile) }
