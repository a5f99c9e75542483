package mutants

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/mutants/handwritten"
	"shimfuzz/lab/mutants/mutate"
	"shimfuzz/lab/workspace"
)

// mutant is one of a decoder, or of what it calls.
type mutant struct {
	source  string // what it is a mutant of: "hcsshim v0.15.0", "reference", …
	name    string
	change  string // for people: where, what, and to what
	number  int    // among all
	decoder string // that it is in: "hcsshim", "create" or "reference"
	file    string // that is changed; "" for a hand-written one
	made    mutate.Mutant
	check   string // that has to kill a hand-written one

	result      result // isUnknown until it is known
	layer, test string // that killed it first
	note        string // the reason why it is equivalent, or the compiler's words
}

// id names a mutant among all.
func (m *mutant) id() string { return m.source + " | " + m.name }

func (m *mutant) choice() handwritten.Choice {
	if m.check != "" {
		return handwritten.Choice{Number: m.number, Bug: m.name}
	}
	return handwritten.Choice{Number: m.number}
}

// source is code that mutants are made of.
type source struct {
	name      string // with the version
	decoder   string
	pkg       string // its import path
	files     []string
	functions []string // nil is all
}

// calledModule has functions that readOptions calls.
type calledModule struct {
	name, module, pkg, base string
	functions               []string
}

var calledModules = []calledModule{
	{"containerd/api", "github.com/containerd/containerd/api", "runtime/bootstrap/v1", "bootstrap",
		[]string{"FindExtension"}},
	{"typeurl", "github.com/containerd/typeurl/v2", ".", "typeurl",
		[]string{"UnmarshalAny", "UnmarshalByTypeURL", "unmarshal", "getTypeByUrl"}},
}

// suite is the suite, with copies of the modules that readOptions calls, and files
// besides that let one process run many mutants.
type suite struct {
	*extract.Build
	dir     string
	overlay map[string]string // files besides, by where the go command is to see them
	sources []source
}

// newSuite prepares the suite for mutants in the folder dir of a build.
func newSuite(ctx context.Context, b *extract.Build) (*suite, error) {
	s := &suite{dir: filepath.Join(b.Dir, "_mutants"), overlay: make(map[string]string)}
	err := os.RemoveAll(s.dir)
	hcsshim, own := "hcsshim "+cmp.Or(b.Source.Version, "checkout"), filepath.Join(b.Root, "internal", "reference")
	s.sources = []source{
		{hcsshim, "hcsshim", extract.Module, []string{b.DecoderFile()}, nil},
		{hcsshim + " create", "create", extract.Module, []string{b.CreateFile()}, nil},
		{"reference", "reference", "shimfuzz/internal/reference", []string{filepath.Join(own, "reference.go")}, nil},
	}
	err = errors.Join(err, s.hook(filepath.Dir(b.DecoderFile()), "extracted"), s.hook(own, "reference"))
	s.Build, err = workspace.Edited(b, "mutants", func(work *modfile.WorkFile) error {
		err := errors.Join(err, work.DropUse(filepath.Join(b.Root, "lab")))
		for _, c := range calledModules {
			err = errors.Join(err, s.copyCalled(ctx, b, c, work))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	testdata := filepath.Join(b.Root, "lab", "mutants", "testdata")
	s.overlay[filepath.Join(b.Root, "internal", "verify", "hooks.go")] = filepath.Join(testdata, "hooks.go")
	s.overlay[filepath.Join(own, "hooks_test.go")] = filepath.Join(testdata, "reference_test.go")
	s.overlay[filepath.Join(b.Root, "properties", "mutants_test.go")] = filepath.Join(testdata, "mutants_test.go")
	written, err := filepath.Glob(filepath.Join(b.Root, "lab", "mutants", "handwritten", "*.go"))
	for _, file := range written {
		if !strings.HasSuffix(file, "_test.go") {
			s.overlay[filepath.Join(b.Root, "internal", "handwritten", filepath.Base(file))] = file
		}
	}
	return s, err
}

// hook adds to a package with mutants the variable that chooses one.
func (s *suite) hook(dir, pkg string) error {
	file := filepath.Join(s.dir, "active", pkg+".go")
	s.overlay[filepath.Join(dir, "active.go")] = file
	text := fmt.Sprintf("package %s\n\nvar %s int // the number of the mutant that runs\n", pkg, mutate.Active)
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666))
}

// copyCalled copies a module that readOptions calls out of the module cache, where no
// file can be changed, and lets the workspace use the copy.
func (s *suite) copyCalled(ctx context.Context, b *extract.Build, c calledModule, work *modfile.WorkFile) error {
	const format = "{{.Dir}}\t{{if .Replace}}{{.Replace.Version}}{{else}}{{.Version}}{{end}}"
	out, err := gocmd.Output(b.Go(ctx, settings.Test{}, "list", "-m", "-f", format, c.module))
	if err != nil {
		return fmt.Errorf("%s: %w", c.module, err)
	}
	from, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
	to := filepath.Join(s.dir, "modules", c.base)
	if err := errors.Join(workspace.CopyTree(to, from), work.AddReplace(c.module, "", to, "")); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(to, filepath.FromSlash(c.pkg), "*.go"))
	s.sources = slices.Insert(s.sources, len(s.sources)-1, source{strings.TrimSpace(c.name + " " + version), "hcsshim",
		strings.TrimSuffix(c.module+"/"+c.pkg, "/."), files, c.functions})
	return errors.Join(err, s.hook(filepath.Join(to, filepath.FromSlash(c.pkg)), c.base))
}

// mutants are all there are, the hand-written last.
func (s *suite) mutants() (all []*mutant, err error) {
	for _, of := range s.sources {
		for _, file := range of.files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			made, err := mutate.File(text, of.functions)
			if err != nil {
				return nil, err
			}
			for _, m := range made {
				change := fmt.Sprintf("%s:%d: %s → %s", filepath.Base(file), m.Line, m.From, m.To)
				all = append(all, &mutant{source: of.name, name: m.Name, change: change, decoder: of.decoder,
					file: file, made: m})
			}
		}
	}
	written := func(source, decoder string, bugs []handwritten.Mutant) {
		for _, m := range bugs {
			all = append(all, &mutant{source: "hand-written in " + source, name: m.Name, change: m.Why,
				decoder: decoder, check: m.Check})
		}
	}
	written(s.sources[0].name, "hcsshim", handwritten.OfStdin)
	written("create", "create", handwritten.OfCreate)
	written("reference", "reference", handwritten.OfStdin)
	for i, m := range all {
		m.number, m.result = i+1, isUnknown
	}
	return all, nil
}

// testPackages are those whose tests run on mutants.
var testPackages = []string{"properties", "fuzz", "internal/reference"}

func testBinary(dir, pkg string) string { return filepath.Join(dir, filepath.Base(pkg)+".test") }

// compile makes the test binaries in dir, with other texts of some files.
func (s *suite) compile(ctx context.Context, dir string, texts map[string][]byte) error {
	err := os.MkdirAll(dir, 0o777)
	replace := maps.Clone(s.overlay)
	for name, text := range texts {
		replace[name] = filepath.Join(dir, filepath.Base(name))
		err = errors.Join(err, os.WriteFile(replace[name], text, 0o666))
	}
	overlay := filepath.Join(dir, "overlay.json")
	text, _ := json.Marshal(map[string]any{"Replace": replace}) // strings always have a JSON form
	if err := errors.Join(err, os.WriteFile(overlay, text, 0o666)); err != nil {
		return err
	}
	args := []string{"-c", "-vet=off", "-trimpath", "-ldflags=-s -w -buildid=", "-overlay=" + overlay, "-o",
		dir + string(filepath.Separator)}
	for _, pkg := range testPackages {
		args = append(args, "./"+pkg)
	}
	_, err = gocmd.Output(s.Go(ctx, settings.Test{}, "test", args...))
	return err
}
