package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/quality/killmatrix"
	"shimfuzz/internal/quality/mutate"
	"shimfuzz/internal/quality/zoo"
)

// mutants changes both decoders, and what hcsshim's calls, in every way that
// package mutate knows, puts each bug of the zoo into both, runs the suite on
// each, and fails if it notices nothing of one that is not known to be equivalent.
func mutants(ctx context.Context, b *extract.Build) error {
	if err := printVersions(ctx, b); err != nil {
		return err
	}
	known, err := mutate.Equivalent()
	if err != nil {
		return err
	}
	tree, err := newMutantTree(ctx, b)
	if err != nil {
		return err
	}
	all, err := tree.mutants(ctx, b)
	if err != nil {
		return err
	}
	chosen, err := choose(all)
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
	decoder string // that it is in: "hcsshim" or "reference"
	file    string // that is replaced; none for a bug of the zoo
	text    []byte
	bug     string // of the zoo
}

// choose applies MUTANT, which picks by name, and SAMPLE, which picks that many,
// evenly, always the same ones.
func choose(all []*mutant) ([]*mutant, error) {
	if name := setting("MUTANT", ""); name != "" {
		chosen := slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return !strings.Contains(m.ID(), name) })
		if len(chosen) == 0 {
			return nil, fmt.Errorf("MUTANT=%s: none of the %d mutants has that in its name", name, len(all))
		}
		return chosen, nil
	}
	sample := setting("SAMPLE", "")
	if sample == "" {
		return all, nil
	}
	n, err := strconv.Atoi(sample)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("SAMPLE=%s: want how many mutants to run", sample)
	}
	chosen := evenly(all, n)
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
	copies map[string]string // import path of a called package: its folder
	labels map[string]string // and what to call it, with the version
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
	t := &mutantTree{dir: filepath.Join(dir, "tree"), copies: make(map[string]string), labels: make(map[string]string)}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(t.dir, 0o777)); err != nil {
		return nil, err
	}
	if err := b.WriteTree(t.dir); err != nil {
		return nil, err
	}
	name := filepath.Join(t.dir, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse(name, text, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range called {
		out, err := printed(goTool(ctx, b, "list", "-m", "-f", "{{.Dir}}\t{{if .Replace}}{{.Replace.Version}}{{else}}{{.Version}}{{end}}", c.module))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.module, err)
		}
		from, version, _ := strings.Cut(out, "\t")
		copied := filepath.Join(dir, "modules", c.name)
		if err := extract.CopyTree(copied, from, nil); err != nil {
			return nil, err
		}
		if err := mod.AddReplace(c.module, "", copied, ""); err != nil {
			return nil, err
		}
		t.copies[c.name] = filepath.Join(copied, filepath.FromSlash(c.pkg))
		t.labels[c.name] = strings.TrimSpace(c.name + " " + version)
	}
	mod.Cleanup()
	if text, err = mod.Format(); err != nil {
		return nil, err
	}
	return t, errors.Join(os.WriteFile(name, text, 0o666), t.injectHook())
}

// injectHook adds a file to the package of each decoder that puts the zoo's bug
// into it that the environment names.
func (t *mutantTree) injectHook() error {
	const file = `package %[1]s

import (
	"os"

	"shimfuzz/internal/settings"
	"shimfuzz/internal/quality/zoo"
)

func init() {
	if os.Getenv(settings.Decoder) == %[1]q {
		%[2]s = zoo.Inject(os.Getenv(settings.Bug), %[2]s)
	}
}
`
	var err error
	for pkg, decoder := range map[string]string{"hcsshim": "underTest.readOptions", "reference": "Decoder.Read"} {
		name := filepath.Join(t.dir, "internal", pkg, "zzz_bug.go")
		err = errors.Join(err, os.WriteFile(name, fmt.Appendf(nil, file, pkg, decoder), 0o666))
	}
	return err
}

// sourceName names hcsshim as a source of mutants.
func sourceName(b *extract.Build) string { return "hcsshim " + cmp.Or(b.Source.Version, "checkout") }

// mutants are all there are, the zoo's last.
func (t *mutantTree) mutants(ctx context.Context, b *extract.Build) ([]*mutant, error) {
	hcsshim := sourceName(b)
	extracted := filepath.Join(t.dir, "internal", "hcsshim", filepath.Base(b.DecoderFile()))
	all, err := mutantsOf(hcsshim, "hcsshim", extracted, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range called {
		files, err := filepath.Glob(filepath.Join(t.copies[c.name], "*.go"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			more, err := mutantsOf(t.labels[c.name], "hcsshim", file, c.functions)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
	}
	more, err := mutantsOf("reference", "reference", filepath.Join(t.dir, "internal", "reference", "reference.go"), nil)
	if err != nil {
		return nil, err
	}
	all = append(all, more...)
	return slices.Concat(all, zooIn(hcsshim, "hcsshim"), zooIn("reference", "reference")), nil
}

// zooIn are the zoo's bugs in a decoder.
func zooIn(source, decoder string) (all []*mutant) {
	for _, bug := range zoo.Bugs {
		m := killmatrix.Mutant{Source: "zoo in " + source, Name: bug.Name, Change: bug.Why}
		all = append(all, &mutant{Mutant: m, decoder: decoder, bug: bug.Name})
	}
	return all
}

func mutantsOf(source, decoder, file string, functions []string) ([]*mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	made, err := mutate.File(text, functions)
	if err != nil {
		return nil, err
	}
	var all []*mutant
	for _, m := range made {
		change := fmt.Sprintf("%s:%d: %s → %s", filepath.Base(file), m.Line, m.From, m.To)
		all = append(all, &mutant{
			Mutant:  killmatrix.Mutant{Source: source, Name: m.Name, Change: change},
			decoder: decoder, file: file, text: m.Text})
	}
	return all, nil
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
	return errReported
}
