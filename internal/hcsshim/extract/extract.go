package extract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/sumdb/dirhash"

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

// stampFile is in the folder of the extracted files once these are complete.
const stampFile = "stamp"

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
	if have, _ := os.ReadFile(b.path(stampFile)); string(have) != stamp {
		if err := b.extract(stamp); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if spec != "" {
		return b, nil
	}
	text, err := os.ReadFile(b.Work)
	if err != nil {
		return nil, err
	}
	return b, writeFile(filepath.Join(root, "go.work"), text) // where go commands find it by themselves
}

// path is where the extracted file of this slash-separated name is kept, "" is their folder.
func (b *Build) path(name string) string {
	return filepath.Join(b.Dir, "extracted", filepath.FromSlash(name))
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

// extract extracts the decoder and puts it in place.
func (b *Build) extract(stamp string) error {
	fmt.Fprintf(os.Stderr, "extracting readOptions of hcsshim %s; its modules are downloaded if need be, which "+
		"takes minutes\n", b.Source.Name)
	shim := RunHCS
	shim.Entry = b.Entry
	p, err := b.Source.program(shim)
	if err != nil {
		return err
	}
	set, err := p.files(b.Dir, true)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "the readOptions under test is %s\nconstants that are tried as values: texts %d, "+
		"numbers %d\ncompiling it, with what its tests need\n", p.description, len(p.texts), len(p.ints))
	err = errors.Join(os.RemoveAll(b.path(stampFile)), os.RemoveAll(b.path("")), b.writeModule(p.deps))
	for name, text := range set {
		err = errors.Join(err, writeFile(b.path(name), text))
	}
	if err == nil {
		err = b.compile()
	}
	if err != nil {
		return err
	}
	return writeFile(b.path(stampFile), []byte(stamp))
}

// compile resolves the imports and reports the compiler's own message: in the extracted file each
// declaration says where it is from.
func (b *Build) compile() error {
	ctx, s := context.Background(), settings.Test{}
	if _, err := gocmd.Output(b.Go(ctx, s, "list", "-deps", "-test", "./...")); err != nil {
		return fmt.Errorf("getting the modules it needs: %s", gocmd.OneLine(err.Error()))
	}
	if _, err := gocmd.Output(b.Go(ctx, s, "build", Module)); err != nil {
		return fmt.Errorf("what is extracted does not compile here: %s", gocmd.OneLine(err.Error()))
	}
	return nil
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

// Command prepares a program that runs in the suite's root with the settings, and with
// the build's workspace for go commands.
func (b *Build) Command(ctx context.Context, s settings.Test, name string, args ...string) *exec.Cmd {
	cmd := gocmd.Command(ctx, b.Root, name, args...)
	cmd.Env = append(cmd.Env, "GOWORK="+b.Work, s.Environ())
	return cmd
}

// Go prepares the go command on the hcsshim under test.
func (b *Build) Go(ctx context.Context, s settings.Test, command string, args ...string) *exec.Cmd {
	return b.Command(ctx, s, "go", append([]string{command}, args...)...)
}
