// Package examples builds the example readers, one for each of several languages, whose
// decoders are of independent origin, and the descriptor set for readers in any language.
package examples

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"shimfuzz/internal/gocmd"
)

// Example is an example reader.
type Example struct {
	Name     string // of its folder in lab/examples/readers
	Language string
	Engine   string // that decodes protobuf, in words
	Needs    []Need
	Longest  int // how many elements in a row it is asked, 1 where it is slow

	command string   // that runs it, from the root of the suite
	build   []string // the lines that build it, from a copy of its folder
	env     []string // for those
}

// Need is something that must be installed.
type Need struct {
	File    string // a name to be looked up in PATH, or a path
	Package string // of Debian that has it
}

// ErrNotHere is the error for a reader that cannot be built on this system.
var ErrNotHere = errors.New("not on this system")

// generated are the files of the descriptor set that C++ has no library for.
const generated = "runtime/bootstrap/v1/bootstrap.proto " +
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options/runhcs.proto"

// All returns the example readers.
func All() []Example {
	return []Example{
		{Name: "python", Language: "Python", Engine: "protobuf 3.21 in pure Python", Longest: 1,
			Needs: []Need{{"/usr/bin/python3", "python3"},
				{"/usr/lib/python3/dist-packages/google/protobuf/__init__.py", "python3-protobuf"}},
			command: "/usr/bin/python3 build/examples/python/reader.py " + Descriptors},
		{Name: "cpp", Language: "C++", Engine: "libprotobuf 3.21", Longest: 2,
			Needs: []Need{{"g++", "g++"}, {"protoc", "protobuf-compiler"},
				{"/usr/include/google/protobuf/message.h", "libprotobuf-dev"}},
			command: "build/examples/cpp/reader",
			build: []string{"protoc --descriptor_set_in=../../descriptors.binpb --cpp_out=. " + generated,
				"g++ -std=c++17 -O2 -I. -o reader reader.cc " + strings.ReplaceAll(generated, ".proto", ".pb.cc") +
					" -lprotobuf"}},
		{Name: "javascript", Language: "JavaScript", Engine: "Protobuf-ES 2.17 (@bufbuild/protobuf)", Longest: 1,
			Needs:   []Need{{"node", "nodejs"}, {"npm", "npm"}},
			command: "node build/examples/javascript/reader.js " + Descriptors,
			build:   []string{"npm install --no-package-lock --no-audit --no-fund --ignore-scripts --prefer-offline"}},
		{Name: "go", Language: "Go", Engine: "google.golang.org/protobuf, the release of go.mod", Longest: 2,
			command: "build/examples/go/reader",
			build: []string{"go build -C ../../../lab -buildvcs=false -o ../build/examples/go/reader " +
				"./examples/readers/go"}},
		// rustup's compiler may come first in PATH, and not be one that Debian's crates suit.
		{Name: "rust", Language: "Rust", Engine: "prost 0.11", Longest: 1,
			Needs: []Need{{"/usr/bin/cargo", "cargo"}, {"/usr/bin/rustc", "rustc"},
				{"/usr/share/cargo/registry/prost-0.11.6", "librust-prost-dev"},
				{"/usr/share/cargo/registry/prost-types-0.11.6", "librust-prost-types-dev"}},
			command: "build/examples/rust/target/release/reader",
			build: []string{"/usr/bin/cargo build --quiet --release --offline --target-dir target" +
				` --config source.crates-io.replace-with="debian"` +
				` --config source.debian.directory="/usr/share/cargo/registry"`},
			env: []string{"RUSTC=/usr/bin/rustc"}},
	}
}

// Missing returns in one line what the reader needs and is not installed, "" if nothing.
func (e Example) Missing() string {
	var missing []string
	for _, n := range e.Lacking() {
		missing = append(missing, fmt.Sprintf("%s (Debian's %s)", n.File, n.Package))
	}
	return strings.Join(missing, ", ")
}

// Lacking returns what the reader needs and is not installed.
func (e Example) Lacking() (missing []Need) {
	for _, n := range e.Needs {
		_, err := exec.LookPath(n.File)
		if filepath.IsAbs(n.File) {
			_, err = os.Stat(n.File)
		}
		if err != nil {
			missing = append(missing, n)
		}
	}
	return missing
}

// Build builds the reader in build/examples, unless what is there was built from the
// same files, and returns the command line that runs it from the root of the suite.
func (e Example) Build(ctx context.Context, root string) (command string, err error) {
	if missing := e.Missing(); missing != "" {
		return "", fmt.Errorf("%w: the reader in %s needs %s", ErrNotHere, e.Language, missing)
	}
	dir := filepath.Join(root, "build", "examples", e.Name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if _, err := lock.TryLockContext(ctx, time.Second/10); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if _, err := WriteDescriptors(root); err != nil {
		return "", err
	}
	if err := e.buildIn(ctx, root, dir); err != nil {
		return "", fmt.Errorf("building the reader in %s: %w", e.Language, err)
	}
	return e.command, nil
}

// buildIn copies the source to dir and builds it there. It leaves what the reader was
// built by, and from, in the files built and built.binpb.
func (e Example) buildIn(ctx context.Context, root, dir string) error {
	source := os.DirFS(filepath.Join(root, "lab", "examples", "readers", e.Name))
	isChanged := e.Name == "go" // which is built where it is, by a command that knows it better
	put := func(name string, text []byte) error {
		changed, err := replace(filepath.Join(dir, filepath.FromSlash(name)), text)
		isChanged = isChanged || changed
		return err
	}
	err := fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || e.Name == "go" {
			return err
		}
		text, err := fs.ReadFile(source, name)
		return errors.Join(err, put(name, text))
	})
	descriptors, err2 := os.ReadFile(filepath.Join(root, Descriptors))
	err = errors.Join(err, err2, put("built.binpb", descriptors), put("built", fmt.Append(nil, e)))
	if err != nil || !isChanged {
		return err
	}
	for _, line := range e.build {
		words := strings.Fields(line)
		cmd := gocmd.Command(ctx, dir, words[0], words[1:]...)
		cmd.Env = append(cmd.Env, e.env...)
		_, err := gocmd.Output(cmd)
		if err == nil {
			continue
		}
		os.Remove(filepath.Join(dir, "built")) // so that it is built again
		if words[0] == "npm" {                 // which downloads
			first, _, _ := strings.Cut(err.Error(), "\n")
			return fmt.Errorf("%w: npm cannot download: %s", ErrNotHere, first)
		}
		return fmt.Errorf("%s: %w", words[0], err)
	}
	return nil
}
