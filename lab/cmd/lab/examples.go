package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/conformance"
	"shimfuzz/lab/conformance/optionstype"
)

// example is an example reader, on a protobuf engine of its own.
type example struct {
	name    string   // of its folder in lab/examples/readers
	what    string   // its language, and its engine
	longest int      // how many tokens in a row it is asked, 1 where it is slow
	command string   // that runs it, from the root of the suite
	needs   []string // what must be installed, a name in PATH or a path, and the package of Debian that has it
}

var examples = []example{
	{"python", "Python, protobuf 3.21 in pure Python", 1,
		"/usr/bin/python3 build/examples/python/reader.py " + optionstype.Descriptors,
		[]string{"/usr/bin/python3 python3",
			"/usr/lib/python3/dist-packages/google/protobuf/__init__.py python3-protobuf"}},
	{"cpp", "C++, libprotobuf 3.21", 2, "build/examples/cpp/reader",
		[]string{"g++ g++", "protoc protobuf-compiler", "/usr/include/google/protobuf/message.h libprotobuf-dev"}},
	{"javascript", "JavaScript, Protobuf-ES 2.17 (@bufbuild/protobuf)", 1,
		"node build/examples/javascript/reader.js " + optionstype.Descriptors, []string{"node nodejs", "npm npm"}},
	{"go", "Go, google.golang.org/protobuf, the release of go.mod", 2, "build/examples/go/reader", nil},
	{"rust", "Rust, prost 0.11", 1, "build/examples/rust/target/release/reader",
		[]string{"/usr/bin/cargo cargo", "/usr/bin/rustc rustc",
			"/usr/share/cargo/registry/prost-0.11.6 librust-prost-dev",
			"/usr/share/cargo/registry/prost-types-0.11.6 librust-prost-types-dev"}},
}

// missing returns what the reader needs and is not installed.
func (e example) missing() []string {
	return slices.DeleteFunc(slices.Clone(e.needs), func(need string) bool {
		file, _, _ := strings.Cut(need, " ")
		_, inPath := exec.LookPath(file)
		_, exists := os.Stat(file)
		return inPath == nil || exists == nil
	})
}

// build builds the reader in build/examples.
func (e example) build(ctx context.Context, root string) error {
	if _, err := optionstype.WriteDescriptors(); err != nil {
		return err
	}
	folder := filepath.Join(root, "lab", "examples", "readers")
	_, err := gocmd.Output(gocmd.Command(ctx, folder, "make", "--silent", e.name))
	return err
}

// runcReader is a reader of runc's Options: a shim on containerd's pkg/shim.
const (
	runcReader   = findings.PkgShim + " " + findings.NewestContainerd
	runcExpected = "lab/compat/readers/pkgshim/expected-runc-" + findings.NewestContainerd + ".txt"
)

// exampleReaders holds the example readers to the contract, but for the known defects of
// their engines, and a reader of runc's Options to its list of expected failures.
func exampleReaders(ctx context.Context, j *job) error {
	known := readers.All("")
	r := known[slices.IndexFunc(known, func(r readers.Reader) bool { return r.ID() == runcReader })]
	program, err := r.Build(j.root)
	if err != nil {
		return err
	}
	runc := *j
	runc.Reader, runc.Options = program+" runc", findings.RuncOptions
	runc.Expected = filepath.Join(j.root, runcExpected)
	runc.Level, runc.Checks, runc.Longest = conformance.Required, 50, 1 // each payload takes a process
	fmt.Printf("\n== Go, runc's Options with %s\n", r.ID())
	red := conform(ctx, &runc)
	if red != nil && !goesOn(ctx, red) {
		return red
	}
	j.Update = false
	return cmp.Or(j.holdExamples(ctx), red)
}

// differ holds the reference to readers on other protobuf engines: it asks the example
// readers everything small, and mutated payloads.
func differ(ctx context.Context, j *job) error {
	j.Level, j.Longest = conformance.Freedoms, 2
	return j.holdExamples(ctx)
}

// goesOn reports whether an error is that a reader is not right, so that the next one is held, too.
func goesOn(ctx context.Context, err error) bool {
	return errors.Is(err, gocmd.ErrReported) && ctx.Err() == nil
}

// holdExamples holds each example reader that can be built here to the contract, but for
// the known defects of its engine.
func (j *job) holdExamples(ctx context.Context) (red error) {
	for _, e := range examples {
		fmt.Printf("\n== %s\n", e.what)
		if missing := e.missing(); len(missing) > 0 {
			fmt.Printf("  NOT RUN: it needs %s (with Debian's packages): make -C lab examples-tools\n",
				strings.Join(missing, ", "))
			continue
		}
		if err := e.build(ctx, j.root); err != nil {
			return err
		}
		one := *j
		one.Reader, one.Engine, one.Longest = e.command, e.name, cmp.Or(j.Longest, e.longest)
		if err := conform(ctx, &one); goesOn(ctx, err) {
			red = err
		} else if err != nil {
			return err
		}
	}
	return red
}

// descriptors writes the descriptor set for readers in any language.
func descriptors(_ context.Context, j *job) error {
	messages, err := optionstype.WriteDescriptors()
	if err != nil {
		return err
	}
	fmt.Printf("%s\n  %s\n", optionstype.Descriptors, strings.Join(messages, "\n  "))
	return nil
}

// examplesTools installs from Debian what the example readers need.
func examplesTools(ctx context.Context, j *job) error {
	var packages []string
	for _, e := range examples {
		for _, need := range e.needs {
			_, name, _ := strings.Cut(need, " ")
			packages = append(packages, name)
		}
	}
	return install(ctx, j.root, packages...)
}

// install installs packages of Debian.
func install(ctx context.Context, root string, packages ...string) error {
	const apt = "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "
	return gocmd.Show(gocmd.Command(ctx, root, "sh", "-c", apt+strings.Join(packages, " ")))
}
