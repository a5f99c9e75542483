package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/containerd/containerd/api/types/runc/options"      // can be OPTIONS
	_ "github.com/containerd/containerd/api/types/runtimeoptions/v1" // can be OPTIONS

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/conformance"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/process"
)

// conform holds a reader in a process of its own to the contract.
func conform(ctx context.Context, j *job) error { return j.putTo(ctx) }

// repro shows what a reader answers to a payload.
func repro(ctx context.Context, j *job) error {
	c, err := fuzz.ReadCase(j.file, "")
	if err != nil {
		return err
	}
	return j.putTo(ctx, c.File)
}

// putTo runs the program that puts payloads to READER, which links the Options of the
// hcsshim under test, and no other types than that hcsshim does.
func (j *job) putTo(ctx context.Context, args ...string) error {
	if strings.TrimSpace(j.Reader) == "" {
		return errors.New("READER is not set: say which command reads payloads, such as READER='python3 reader.py' " +
			"(docs/conformance.md has the protocol); make repro, without -C lab, asks the decoders of hcsshim")
	}
	s := j.Settings
	for _, r := range readers.All("") {
		if program := r.Program(j.root); program == s.Reader || program == filepath.Join(j.root, s.Reader) {
			if err := r.Build(j.root); err != nil {
				return err
			}
			s.Name, s.Version = r.Name, r.Version
		}
	}
	s.Options = cmp.Or(s.Options, findings.OptionsType(s.Name))
	if _, err := optionstype.WriteDescriptors(); err != nil { // for one that this hcsshim does not link
		return err
	}
	text, _ := json.Marshal(s) // strings and numbers always have a JSON form
	test := j.test
	test.Lab = string(text)
	// The go command names the program, because on Windows only one in .exe is found.
	if err := gocmd.Show(j.b.Go(ctx, test, "build", "-buildvcs=false", "-o", j.b.Dir+string(filepath.Separator),
		"./lab/conformance/run")); err != nil {
		return err
	}
	cmd := j.b.Command(ctx, test, filepath.Join(j.b.Dir, "run"), args...)
	// After an interrupt it writes what is known, and may first have to wait for a reader that hangs.
	cmd.WaitDelay = 2*process.Limit + 10*time.Second
	return gocmd.Show(cmd)
}

// example is an example reader, on a protobuf engine of its own.
type example struct {
	name, what string // of its folder in lab/examples/readers; its language and its engine
	command    string // that runs it, from the root of the suite
}

var examples = []example{
	{"python", "Python, protobuf 3.21 in pure Python",
		"/usr/bin/python3 build/examples/python/reader.py " + optionstype.Descriptors},
	{"cpp", "C++, libprotobuf 3.21", "build/examples/cpp/reader"},
	{"javascript", "JavaScript, Protobuf-ES 2.17 (@bufbuild/protobuf)",
		"node build/examples/javascript/reader.js " + optionstype.Descriptors},
	{"go", "Go, google.golang.org/protobuf, the release of go.mod", "build/examples/go/reader"},
	{"rust", "Rust, prost 0.11", "build/examples/rust/target/release/reader"},
}

// exampleReaders holds a reader of runc's Options, a shim on containerd's pkg/shim, to its list
// of expected failures, and each example reader to the contract, but for the known defects of
// its engine. The error is that one is not right, or cannot be built here.
func exampleReaders(ctx context.Context, j *job) error {
	const shim, release = findings.PkgShim, findings.NewestContainerd
	known := readers.All("")
	r := known[slices.IndexFunc(known, func(r readers.Reader) bool { return r.ID() == shim+" "+release })]
	_, err := optionstype.WriteDescriptors() // with which the examples are built
	if err := errors.Join(err, r.Build(j.root)); err != nil {
		return err
	}
	runc := *j
	runc.Reader, runc.Options = r.Program(j.root)+" runc", findings.RuncOptions
	runc.Expected = "lab/compat/readers/pkgshim/expected-runc-" + release + ".txt"
	// Each payload takes a process.
	runc.Level, runc.Checks, runc.Longest, runc.Payloads = conformance.Required, 50, 1, 0
	fmt.Printf("\n== Go, runc's Options with %s\n", r.ID())
	red := conform(ctx, &runc)
	folder := filepath.Join(j.root, "lab", "examples", "readers")
	for _, e := range examples {
		fmt.Printf("\n== %s\n", e.what)
		one := *j
		one.Reader, one.Engine, one.Update = e.command, e.name, false
		_, err := gocmd.Output(gocmd.Command(ctx, folder, "make", "--silent", e.name)) // into build/examples
		if err == nil {
			err = conform(ctx, &one)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, gocmd.ErrReported) {
			fmt.Printf("  NOT RUN: %v\n  make -C lab tools installs what it needs\n", err)
			err = gocmd.ErrReported
		}
		red = cmp.Or(red, err)
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
