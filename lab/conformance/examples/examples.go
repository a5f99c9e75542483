// Package examples builds the example readers, one for each of several languages, whose
// decoders are of independent origin.
package examples

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/conformance/optionstype"
)

// Example is an example reader.
type Example struct {
	Name     string // of its folder in lab/examples/readers
	Language string
	Engine   string // that decodes protobuf, in words
	Needs    []Need
	Longest  int // how many tokens in a row it is asked, 1 where it is slow

	command string // that runs it, from the root of the suite
}

// Need is something that must be installed.
type Need struct {
	File    string // a name to be looked up in PATH, or a path
	Package string // of Debian that has it
}

func (n Need) String() string { return fmt.Sprintf("%s (Debian's %s)", n.File, n.Package) }

// ErrNotHere is the error for a reader that cannot be built on this system.
var ErrNotHere = errors.New("not on this system")

// All returns the example readers.
func All() []Example {
	return []Example{
		{Name: "python", Language: "Python", Engine: "protobuf 3.21 in pure Python", Longest: 1,
			Needs: []Need{{"/usr/bin/python3", "python3"},
				{"/usr/lib/python3/dist-packages/google/protobuf/__init__.py", "python3-protobuf"}},
			command: "/usr/bin/python3 build/examples/python/reader.py " + optionstype.Descriptors},
		{Name: "cpp", Language: "C++", Engine: "libprotobuf 3.21", Longest: 2,
			Needs: []Need{{"g++", "g++"}, {"protoc", "protobuf-compiler"},
				{"/usr/include/google/protobuf/message.h", "libprotobuf-dev"}},
			command: "build/examples/cpp/reader"},
		{Name: "javascript", Language: "JavaScript", Engine: "Protobuf-ES 2.17 (@bufbuild/protobuf)", Longest: 1,
			Needs:   []Need{{"node", "nodejs"}, {"npm", "npm"}},
			command: "node build/examples/javascript/reader.js " + optionstype.Descriptors},
		{Name: "go", Language: "Go", Engine: "google.golang.org/protobuf, the release of go.mod", Longest: 2,
			command: "build/examples/go/reader"},
		{Name: "rust", Language: "Rust", Engine: "prost 0.11", Longest: 1,
			Needs: []Need{{"/usr/bin/cargo", "cargo"}, {"/usr/bin/rustc", "rustc"},
				{"/usr/share/cargo/registry/prost-0.11.6", "librust-prost-dev"},
				{"/usr/share/cargo/registry/prost-types-0.11.6", "librust-prost-types-dev"}},
			command: "build/examples/rust/target/release/reader"},
	}
}

// Missing returns what the reader needs and is not installed.
func (e Example) Missing() (missing []Need) {
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

// Build builds the reader in build/examples, and returns the command line that runs it
// from the root of the suite.
func (e Example) Build(ctx context.Context, root string) (command string, err error) {
	if missing := e.Missing(); missing != nil {
		return "", fmt.Errorf("%w: the reader in %s needs %v", ErrNotHere, e.Language, missing)
	}
	if _, err := optionstype.WriteDescriptors(root); err != nil {
		return "", err
	}
	folder := filepath.Join(root, "lab", "examples", "readers")
	_, err = gocmd.Output(gocmd.Command(ctx, folder, "make", "--silent", e.Name))
	if err != nil && e.Name == "javascript" {
		return "", fmt.Errorf("%w: npm cannot download: %s", ErrNotHere, gocmd.OneLine(err.Error()))
	}
	return e.command, err
}
