// Package quality measures how good the suite is at finding bugs: on mutants of
// the decoders, compared with simpler fuzz targets, and on the releases that had them.
package quality

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/quality/killmatrix"
	"shimfuzz/internal/quality/mutate"
	"shimfuzz/internal/quality/zoo"
	"shimfuzz/internal/settings"
)

// Mutants changes both decoders, and what hcsshim's calls, in every way that
// package mutate knows, puts each bug of the zoo into both, runs the suite on
// each, and fails if it notices nothing of one that is not known to be equivalent.
// name picks mutants by a part of their name, sample picks that many; "" and 0
// are all.
func Mutants(ctx context.Context, b *extract.Build, name string, sample int) error {
	known, err := mutate.Equivalent()
	if err != nil {
		return err
	}
	tree, err := newMutantTree(ctx, b)
	if err != nil {
		return err
	}
	all, err := tree.mutants(b)
	if err != nil {
		return err
	}
	chosen, err := choose(all, name, sample)
	if err != nil {
		return err
	}
	run := newMutantRun(tree, known)
	if err := run.run(ctx, chosen); err != nil {
		return err
	}
	var properties []string
	if len(chosen) == len(all) { // some mutants do not tell what all need
		if properties, err = run.properties(ctx); err != nil {
			return err
		}
	}
	var rows []*killmatrix.Mutant
	for _, m := range chosen {
		rows = append(rows, &m.Mutant)
	}
	if err := writeKillMatrix(b, rows, properties); err != nil {
		return err
	}
	return judgeMutants(b, rows, append(unknown(all, known), killed(chosen, known)...))
}

// mutant is one of a decoder, or of what it calls.
type mutant struct {
	killmatrix.Mutant
	decoder string // that it is in: "hcsshim", "create" or "reference"
	file    string // that is replaced; none for a bug of the zoo
	text    []byte
	bug     string // of the zoo
}

// choose picks the mutants that have name in theirs, or else a sample, evenly,
// always the same ones.
func choose(all []*mutant, name string, sample int) ([]*mutant, error) {
	if name != "" {
		chosen := slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return !strings.Contains(m.ID(), name) })
		if len(chosen) == 0 {
			return nil, fmt.Errorf("MUTANT=%s: none of the %d mutants has that in its name", name, len(all))
		}
		return chosen, nil
	}
	if sample == 0 {
		return all, nil
	}
	chosen := evenly(all, sample)
	fmt.Printf("  a sample: %d of %d mutants, taken evenly\n", len(chosen), len(all))
	return chosen, nil
}

// evenly takes n of all, always the same ones.
func evenly(all []*mutant, n int) (chosen []*mutant) {
	n = min(n, len(all))
	for i := range n {
		chosen = append(chosen, all[i*len(all)/n])
	}
	return chosen
}

// mutantTree is a copy of the suite as plain files, with the extracted code in
// it, the modules that hcsshim's readOptions calls, and the zoo.
type mutantTree struct {
	dir    string
	called []source
}

// source is code that mutants are made of.
type source struct {
	name      string // with the version
	decoder   string
	files     string // a pattern
	functions []string
}

// called are the functions that readOptions calls in packages of containerd's.
var called = []struct {
	module, pkg, name string
	functions         []string
}{
	{"github.com/containerd/containerd/api", "runtime/bootstrap/v1", "containerd/api", []string{"FindExtension"}},
	{"github.com/containerd/typeurl/v2", "", "typeurl", []string{"UnmarshalAny", "UnmarshalByTypeURL", "unmarshal", "getTypeByUrl"}},
}

func newMutantTree(ctx context.Context, b *extract.Build) (*mutantTree, error) {
	dir := filepath.Join(b.Dir, "mutants")
	t := &mutantTree{dir: filepath.Join(dir, "tree")}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(t.dir, 0o777)); err != nil {
		return nil, err
	}
	if err := b.WriteTree(t.dir); err != nil {
		return nil, err
	}
	name := filepath.Join(t.dir, "go.mod")
	err := gocmd.EditModule(name, name, func(mod *modfile.File) error {
		for _, c := range called {
			out, err := gocmd.Output(b.Go(ctx, settings.Test{}, "list", "-m", "-f", "{{.Dir}}\t{{if .Replace}}{{.Replace.Version}}{{else}}{{.Version}}{{end}}", c.module))
			if err != nil {
				return fmt.Errorf("%s: %w", c.module, err)
			}
			from, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
			copied := filepath.Join(dir, "modules", c.name)
			if err := errors.Join(extract.CopyTree(copied, from), mod.AddReplace(c.module, "", copied, "")); err != nil {
				return err
			}
			label := strings.TrimSpace(c.name + " " + version)
			t.called = append(t.called, source{label, "hcsshim", filepath.Join(copied, filepath.FromSlash(c.pkg), "*.go"), c.functions})
		}
		return nil
	})
	return t, errors.Join(err, t.injectHook())
}

// injectHook adds a file to the package of each decoder that puts the zoo's bug
// into it that the settings name.
func (t *mutantTree) injectHook() error {
	const file = `package %[1]s

import (
	"shimfuzz/internal/quality/zoo"
	"shimfuzz/internal/settings"
)

func init() {
	t, err := settings.Load()
	if err != nil {
		panic(err)
	}
	if t.Decoder == %[2]q {
		%[3]s
	}
}
`
	var err error
	for _, hook := range []struct{ decoder, pkg, inject string }{
		{"hcsshim", "hcsshim", "underTest.readOptions = zoo.Inject(t.Bug, underTest.readOptions)"},
		{"create", "hcsshim", "for i, c := range createOptions { createOptions[i].Read = zoo.Inject(t.Bug, c.Read) }"},
		{"reference", "reference", "Decoder.Read = zoo.Inject(t.Bug, Decoder.Read)"},
	} {
		name := filepath.Join(t.dir, "internal", hook.pkg, "zzz_bug_"+hook.decoder+".go")
		err = errors.Join(err, os.WriteFile(name, fmt.Appendf(nil, file, hook.pkg, hook.decoder, hook.inject), 0o666))
	}
	return err
}

// sourceName names hcsshim as a source of mutants.
func sourceName(b *extract.Build) string { return "hcsshim " + cmp.Or(b.Source.Version, "checkout") }

// mutants are all there are, the zoo's last.
func (t *mutantTree) mutants(b *extract.Build) ([]*mutant, error) {
	hcsshim := sourceName(b)
	internal := filepath.Join(t.dir, "internal")
	sources := slices.Concat(
		[]source{
			{hcsshim, "hcsshim", filepath.Join(internal, "hcsshim", filepath.Base(b.DecoderFile())), nil},
			{hcsshim + " create", "create", filepath.Join(internal, "hcsshim", filepath.Base(b.CreateFile())), nil},
		},
		t.called,
		[]source{
			{"reference", "reference", filepath.Join(internal, "reference", "reference.go"), nil},
		})
	var all []*mutant
	for _, s := range sources {
		files, err := filepath.Glob(s.files)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			more, err := mutantsOf(s, file)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
	}
	return slices.Concat(all, zooIn(hcsshim, "hcsshim", zoo.Bugs), zooIn("create", "create", zoo.CreateBugs), zooIn("reference", "reference", zoo.Bugs)), nil
}

// zooIn are bugs of the zoo in a decoder.
func zooIn(source, decoder string, bugs []zoo.Bug) (all []*mutant) {
	for _, bug := range bugs {
		m := killmatrix.Mutant{Source: "zoo in " + source, Name: bug.Name, Change: bug.Why}
		all = append(all, &mutant{Mutant: m, decoder: decoder, bug: bug.Name})
	}
	return all
}

func mutantsOf(s source, file string) (all []*mutant, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	made, err := mutate.File(text, s.functions)
	for _, m := range made {
		change := fmt.Sprintf("%s:%d: %s → %s", filepath.Base(file), m.Line, m.From, m.To)
		row := killmatrix.Mutant{Source: s.name, Name: m.Name, Change: change}
		all = append(all, &mutant{Mutant: row, decoder: s.decoder, file: file, text: m.Text})
	}
	return all, err
}

// killed are the mutants that are listed as equivalent and are not. Duplicates are
// listed both, for a sample may have either.
func killed(chosen []*mutant, known map[string]string) (stale []string) {
	for _, m := range chosen {
		if known[m.ID()] != "" && m.Result != killmatrix.Equivalent && known[m.Note] == "" {
			stale = append(stale, fmt.Sprintf("%s: %s", m.ID(), m.Result))
		}
	}
	return stale
}

// unknown are the mutants that are listed as equivalent and no longer made,
// though others of the same source are.
func unknown(all []*mutant, known map[string]string) (stale []string) {
	made := make(map[string]bool)
	for _, m := range all {
		made[m.ID()], made[m.Source] = true, true
	}
	for id := range known {
		if source, _, _ := strings.Cut(id, " | "); made[source] && !made[id] {
			stale = append(stale, id+": there is no such mutant")
		}
	}
	slices.Sort(stale)
	return stale
}

// judgeMutants fails for a mutant that survived, and for a stale entry in the list
// of equivalent ones.
func judgeMutants(b *extract.Build, all []*killmatrix.Mutant, stale []string) error {
	killmatrix.Survivors(os.Stdout, all)
	for _, s := range stale {
		fmt.Printf("\nSTALE  internal/quality/mutate/equivalent.txt has %s\n", s)
	}
	survived := slices.ContainsFunc(all, func(m *killmatrix.Mutant) bool { return m.Result == killmatrix.Survived })
	if !survived && len(stale) == 0 {
		return nil
	}
	if b.Source.Version == "" {
		fmt.Println("\nnote: a checkout has no list of equivalent mutants; judge those that survived yourself")
		return nil
	}
	return gocmd.ErrReported
}

// writeKillMatrix prints the summary and writes every mutant into two files.
// properties are the properties' tests, to name those that kill nothing alone.
func writeKillMatrix(b *extract.Build, all []*killmatrix.Mutant, properties []string) error {
	var names []string
	fuzz := make(map[string]bool)
	for _, l := range layers {
		names = append(names, l.name)
		fuzz[l.name] = l.pkg == "fuzz"
	}
	fmt.Println()
	killmatrix.Text(os.Stdout, all, names, properties, func(l string) bool { return fuzz[l] })
	var rows bytes.Buffer
	killmatrix.Rows(&rows, all)
	var page bytes.Buffer
	if err := killmatrix.HTML(&page, "shimfuzz on mutants of hcsshim "+b.Source.Name+" and of the reference", all, names); err != nil {
		return err
	}
	fmt.Println()
	for name, text := range map[string][]byte{"mutants.html": page.Bytes(), "mutants.txt": rows.Bytes()} {
		file := filepath.Join(b.Dir, name)
		if err := os.WriteFile(file, text, 0o666); err != nil {
			return err
		}
		fmt.Printf("every mutant: %s\n", file)
	}
	return nil
}
