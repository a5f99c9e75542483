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
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/tools/go/packages"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/bugs"
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
	file    *file  // that is changed; nil for a hand-written one
	made    mutate.Mutant
	check   string // that has to kill a hand-written one
	known   string // the reason why it is equivalent, if it is known to be

	result      result // isUnknown until it is known
	layer, test string // that killed it first
	note        string // the reason why it is equivalent, or the compiler's words
}

// id names a mutant among all.
func (m *mutant) id() string { return m.source + " | " + m.name }

// source is code that mutants are made of.
type source struct {
	name, decoder string
	pkg           string   // its import path
	file          string   // the one that is meant; "" is all of the package's
	module        string   // of the package, if it is in the module cache, where no file can be changed
	functions     []string // nil is all
}

func sources(b *extract.Build) []source {
	hcsshim := "hcsshim " + cmp.Or(b.Source.Version, "checkout")
	const api, typeurl = "github.com/containerd/containerd/api", "github.com/containerd/typeurl/v2"
	return []source{
		{name: hcsshim, decoder: "hcsshim", pkg: extract.Module, file: b.DecoderFile()},
		{name: hcsshim + " create", decoder: "create", pkg: extract.Module, file: b.CreateFile()},
		{name: "containerd/api", decoder: "hcsshim", pkg: api + "/runtime/bootstrap/v1", module: api,
			functions: []string{"FindExtension"}},
		{name: "typeurl", decoder: "hcsshim", pkg: typeurl, module: typeurl,
			functions: []string{"UnmarshalAny", "UnmarshalByTypeURL", "unmarshal", "getTypeByUrl"}},
		{name: "reference", decoder: "reference", pkg: "shimfuzz/internal/reference",
			file: filepath.Join(b.Root, "internal", "reference", "reference.go")},
	}
}

// suite is the suite, with copies of the modules that readOptions calls, and with files
// besides for mutants.
type suite struct {
	*extract.Build
	dir     string
	overlay map[string]string // files besides, by where the go command is to see them
	sources []source
}

// newSuite prepares the suite for mutants in the folder dir of a build.
func newSuite(ctx context.Context, b *extract.Build) (*suite, error) {
	s := &suite{dir: filepath.Join(b.Dir, "_mutants"), overlay: make(map[string]string), sources: sources(b)}
	err := os.RemoveAll(s.dir)
	s.Build, err = workspace.Edited(b, "mutants", func(work *modfile.WorkFile) error {
		err := errors.Join(err, work.DropUse(filepath.Join(b.Root, "lab")))
		for i := range s.sources {
			if of := &s.sources[i]; of.module != "" {
				err = errors.Join(err, s.copyModule(ctx, b, of, work))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	lab := filepath.Join(b.Root, "lab")
	s.overlay[filepath.Join(b.Root, "internal", "verify", "mutants.go")] = filepath.Join(lab, "mutants", "testdata",
		"verify.go")
	s.overlay[filepath.Join(lab, "go.mod")] = "" // so that the suite's module has the lab, of which it needs lab/bugs
	return s, err
}

// copyModule copies the module of a source out of the module cache, and lets the workspace
// use the copy.
func (s *suite) copyModule(ctx context.Context, b *extract.Build, of *source, work *modfile.WorkFile) error {
	const format = "{{.Dir}}\t{{if .Replace}}{{.Replace.Version}}{{else}}{{.Version}}{{end}}"
	out, err := gocmd.Output(b.Go(ctx, settings.Test{}, "list", "-m", "-f", format, of.module))
	if err != nil {
		return fmt.Errorf("%s: %w", of.module, err)
	}
	from, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
	to := filepath.Join(s.dir, filepath.FromSlash(of.name))
	of.name = strings.TrimSpace(of.name + " " + version)
	return errors.Join(workspace.CopyTree(to, from), work.AddReplace(of.module, "", to, ""))
}

// load loads the packages of the sources, with their types.
func (s *suite) load(ctx context.Context) (map[string]*packages.Package, error) {
	cmd := s.Go(ctx, settings.Test{}, "list")
	config := &packages.Config{Context: ctx, Dir: cmd.Dir, Env: cmd.Env, Mode: packages.LoadSyntax}
	var paths []string
	for _, of := range s.sources {
		paths = append(paths, of.pkg)
	}
	loaded, err := packages.Load(config, paths...)
	all := make(map[string]*packages.Package)
	for _, p := range loaded {
		all[p.PkgPath] = p
		for _, e := range p.Errors {
			err = errors.Join(err, e)
		}
	}
	return all, err
}

// mutants are all there are, the hand-written last.
func (s *suite) mutants(ctx context.Context, known map[string]string) (all []*mutant, err error) {
	loaded, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	for _, of := range s.sources {
		p := loaded[of.pkg]
		for i, name := range p.CompiledGoFiles {
			if of.file != "" && of.file != name {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			f := &file{mutate.File{Set: p.Fset, Syntax: p.Syntax[i], Text: text}, name, p}
			for _, m := range f.Mutants(of.functions) {
				all = append(all, &mutant{source: of.name, name: m.Name, change: m.Change, decoder: of.decoder,
					file: f, made: m})
			}
		}
	}
	written := func(source, decoder string, written []bugs.Mutant) {
		for _, m := range written {
			all = append(all, &mutant{source: "hand-written in " + source, name: m.Name, change: m.Why,
				decoder: decoder, check: m.Check})
		}
	}
	written(s.sources[0].name, "hcsshim", bugs.OfStdin)
	written("create", "create", bugs.OfCreate)
	written("reference", "reference", bugs.OfStdin)
	for i, m := range all {
		m.number, m.result, m.known = i+1, isUnknown, known[m.id()]
	}
	return all, nil
}

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
	_, err = gocmd.Output(s.Go(ctx, settings.Test{}, "test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w -buildid=",
		"-overlay="+overlay, "-o", dir+string(filepath.Separator), "./properties", "./fuzz", "./internal/reference"))
	return err
}
