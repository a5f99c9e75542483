package mutants

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/bugs"
	"shimfuzz/lab/mutants/mutate"
	"shimfuzz/lab/workspace"
)

// source is code that mutants are made of, or that hand-written ones are put into.
type source struct {
	name, decoder string
	pkg           string        // its import path
	file          string        // the one that is meant; "" is all of the package's
	module        string        // of the package, if it is in the module cache, where no file can be changed
	functions     []string      // nil is all
	written       []bugs.Mutant // instead of made ones
}

func sources(b *extract.Build) []source {
	hcsshim, written := "hcsshim "+cmp.Or(b.Source.Version, "checkout"), "hand-written in "
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
		{name: written + hcsshim, decoder: "hcsshim", written: bugs.OfStdin},
		{name: written + "create", decoder: "create", written: bugs.OfCreate},
		{name: written + "reference", decoder: "reference", written: bugs.OfStdin},
	}
}

// suite is the suite, with copies of the modules that readOptions calls, and with files
// besides for mutants.
type suite struct {
	*extract.Build
	dir       string
	sources   []source
	seed      int
	originals sync.Map // by decoder and layer, whether the unchanged decoder passes it
}

// newSuite prepares the suite for mutants in the folder dir of a build.
func newSuite(ctx context.Context, b *extract.Build) (*suite, error) {
	s := &suite{dir: filepath.Join(b.Dir, "_mutants"), sources: sources(b)}
	err := os.RemoveAll(s.dir)
	edits := []string{"-dropuse=" + filepath.Join(b.Root, "lab")}
	for i := range s.sources {
		if of := &s.sources[i]; of.module != "" {
			edit, errCopy := s.copyModule(ctx, b, of)
			err, edits = errors.Join(err, errCopy), append(edits, edit)
		}
	}
	if err != nil {
		return nil, err
	}
	s.Build, err = workspace.Edited(b, "mutants", edits...)
	return s, err
}

// copyModule copies the module of a source out of the module cache, and returns the edit by
// which a workspace uses the copy.
func (s *suite) copyModule(ctx context.Context, b *extract.Build, of *source) (edit string, err error) {
	const format = "{{.Dir}}\t{{if .Replace}}{{.Replace.Version}}{{else}}{{.Version}}{{end}}"
	out, err := gocmd.Output(b.Go(ctx, settings.Test{}, "list", "-m", "-f", format, of.module))
	if err != nil {
		return "", fmt.Errorf("%s: %w", of.module, err)
	}
	from, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
	to := filepath.Join(s.dir, filepath.FromSlash(of.name))
	of.name = strings.TrimSpace(of.name + " " + version)
	return "-replace=" + of.module + "=" + to, workspace.CopyTree(to, from)
}

// mutants are all there are.
func (s *suite) mutants(ctx context.Context) (all []*mutant, err error) {
	add := func(m *mutant, of source) {
		m.source, m.number, m.result = of.name, len(all)+1, isUnknown
		m.known = equivalents[m.id()]
		m.settings = settings.Test{Build: s.dir, Decoder: of.decoder}
		if m.file == nil {
			m.settings.Lab = m.Name
		}
		all = append(all, m)
	}
	list := s.Go(ctx, settings.Test{}, "list")
	for _, of := range s.sources {
		for _, m := range of.written {
			add(&mutant{Mutant: mutate.Mutant{Name: m.Name, Change: m.Check + ": " + m.Why}, check: m.Check}, of)
		}
		if of.pkg == "" {
			continue
		}
		files, err := mutate.Load(ctx, list.Dir, list.Env, of.pkg, of.file)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			for _, m := range f.Mutants(of.functions) {
				add(&mutant{Mutant: m, file: f}, of)
			}
		}
	}
	return all, nil
}

// compile makes the test binaries in dir, with other texts of some files.
func (s *suite) compile(ctx context.Context, dir string, texts map[string][]byte) error {
	path := func(name string) string { return filepath.Join(s.Root, filepath.FromSlash(name)) }
	replace := map[string]string{
		path("internal/verify/mutants.go"): path("lab/mutants/testdata/verify.go"),
		path("lab/go.mod"):                 "", // is not there, so that the suite's module has lab/bugs
	}
	err := os.MkdirAll(dir, 0o777)
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
