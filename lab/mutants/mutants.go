// Package mutants measures how good the suite is at finding bugs: on mutants of
// the decoders, and on the releases that had them.
package mutants

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/mutants/handwritten"
	"shimfuzz/lab/mutants/mutate"
)

// Choice is which of the mutants to run, and how.
type Choice struct {
	Name   string // those with this in their name; "" is all
	Sample int    // that many; 0 is all
	Seed   int    // of the sample; 0 is one for today
	Alone  bool   // each built for itself, as a check of those built together
}

// Mutants changes both decoders, and what hcsshim's calls, in every way that
// package mutate knows, puts each hand-written one into both, runs the suite on
// each, and fails if it notices nothing of one that is not known to be equivalent.
func Mutants(ctx context.Context, b *extract.Build, c Choice) error {
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
	if c.Seed == 0 {
		c.Seed, _ = strconv.Atoi(time.Now().Format("20060102")) // digits are a number
	}
	chosen, err := choose(all, c)
	if err != nil {
		return err
	}
	run := &mutantRun{tree: tree, known: known, choice: c, all: chosen, start: time.Now()}
	err = run.run(ctx)
	if err != nil && ctx.Err() == nil {
		return err
	}
	if err := writeResults(b, chosen); err != nil {
		return err
	}
	return cmp.Or(ctx.Err(), judgeMutants(b, chosen, append(unknown(all, known), stale(chosen, known)...)))
}

// mutant is one of a decoder, or of what it calls.
type mutant struct {
	source  string // what it is a mutant of: "hcsshim v0.15.0", "reference", …
	name    string
	change  string // for people: where, what, and to what
	number  int    // among all
	decoder string // that it is in: "hcsshim", "create" or "reference"
	file    string // that is changed; "" for a hand-written one
	made    mutate.Mutant
	bug     string // a hand-written one's name

	result      result // isUnknown until it is known
	layer, test string // that killed it first
	note        string // the reason why it is equivalent, the duplicate's name, the compiler's words
}

// id names a mutant among all.
func (m *mutant) id() string { return m.source + " | " + m.name }

// alone reports whether no file can have other mutants beside it.
func (m *mutant) alone() bool { return m.file != "" && m.made.Func < 0 && m.result != isNoProgram }

// choose picks the mutants that have a name in theirs, or else a sample.
func choose(all []*mutant, c Choice) ([]*mutant, error) {
	if c.Name != "" {
		chosen := slices.DeleteFunc(slices.Clone(all),
			func(m *mutant) bool { return !strings.Contains(m.id(), c.Name) })
		if len(chosen) == 0 {
			return nil, fmt.Errorf("MUTANT=%s: none of the %d mutants has that in its name", c.Name, len(all))
		}
		return chosen, nil
	}
	if c.Sample == 0 {
		return all, nil
	}
	var chosen []*mutant
	for _, i := range rand.New(rand.NewPCG(uint64(c.Seed), 0)).Perm(len(all))[:min(c.Sample, len(all))] {
		chosen = append(chosen, all[i])
	}
	slices.SortFunc(chosen, func(a, b *mutant) int { return a.number - b.number })
	fmt.Printf("  a sample: %d of %d mutants, again with make -C lab mutants SAMPLE=%d SEED=%d\n", len(chosen),
		len(all),
		c.Sample, c.Seed)
	return chosen, nil
}

// mutantTree is a copy of the suite as plain files, with the extracted code in
// it, the modules that hcsshim's readOptions calls, .
type mutantTree struct {
	dir    string
	work   string // the file of the workspace
	called []source
}

// source is code that mutants are made of.
type source struct {
	name      string // with the version
	decoder   string
	files     string // a pattern
	functions []string
}

// calledModule has functions that readOptions calls.
type calledModule struct {
	module, pkg, base, name string
	functions               []string
}

// called are the functions that readOptions calls in packages of containerd's.
var called = []calledModule{
	{"github.com/containerd/containerd/api", "runtime/bootstrap/v1", "bootstrap", "containerd/api",
		[]string{"FindExtension"}},
	{"github.com/containerd/typeurl/v2", "", "typeurl", "typeurl", []string{"UnmarshalAny", "UnmarshalByTypeURL",
		"unmarshal", "getTypeByUrl"}},
}

func newMutantTree(ctx context.Context, b *extract.Build) (*mutantTree, error) {
	dir := filepath.Join(b.Dir, "_mutants") // whose name keeps the go command out of it
	t := &mutantTree{dir: filepath.Join(dir, "tree")}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(t.dir, 0o777)); err != nil {
		return nil, err
	}
	own := filepath.Dir(b.DecoderFile())
	if err := errors.Join(gocmd.CopyTree(t.dir, b.Root, "build", ".git", "go.work", "go.work.sum", "lab"),
		gocmd.CopyTree(t.extracted(), own), t.copyOwn(b.Root)); err != nil {
		return nil, err
	}
	edited, err := b.Edited("mutants", func(work *modfile.WorkFile) error {
		err := errors.Join(work.DropUse(b.Root), work.DropUse(own), work.DropUse(filepath.Join(b.Root, "lab")),
			work.AddUse(t.dir, ""),
			work.AddUse(t.extracted(), ""))
		for _, c := range called {
			err = errors.Join(err, t.copyCalled(ctx, b, c, work, filepath.Join(dir, "modules", c.name)))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	t.work = edited.Work
	return t, t.injectHooks()
}

// copyOwn copies what the suite does not have without the lab: the test that runs many
// mutants in one process, and the packages that it needs.
func (t *mutantTree) copyOwn(root string) error {
	var errs []error
	for _, pkg := range []string{"active", "handwritten"} {
		dir := filepath.Join("lab", "mutants", pkg)
		errs = append(errs, gocmd.CopyTree(filepath.Join(t.dir, dir), filepath.Join(root, dir)))
	}
	const test = "mutants_test.go"
	text, err := os.ReadFile(filepath.Join(root, "lab", "mutants", "testdata", test))
	if err == nil {
		err = os.WriteFile(filepath.Join(t.dir, "properties", test), text, 0o666)
	}
	return errors.Join(append(errs, err)...)
}

// copyCalled copies a module that readOptions calls, and lets the workspace use the copy.
func (t *mutantTree) copyCalled(ctx context.Context, b *extract.Build, c calledModule, work *modfile.WorkFile,
	to string) error {
	const format = "{{.Dir}}\t{{if .Replace}}{{.Replace.Version}}{{else}}{{.Version}}{{end}}"
	out, err := gocmd.Output(b.Go(ctx, settings.Test{}, "list", "-m", "-f", format, c.module))
	if err != nil {
		return fmt.Errorf("%s: %w", c.module, err)
	}
	from, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
	label := strings.TrimSpace(c.name + " " + version)
	t.called = append(t.called, source{label, "hcsshim", filepath.Join(to, filepath.FromSlash(c.pkg), "*.go"),
		c.functions})
	return errors.Join(gocmd.CopyTree(to, from), work.AddReplace(c.module, "", to, ""))
}

// extracted is the folder of the extracted module's copy.
func (t *mutantTree) extracted() string { return filepath.Join(t.dir, "extracted") }

// command prepares the go command on the copies.
func (t *mutantTree) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := gocmd.Command(ctx, t.dir, "go", args...)
	cmd.Env = append(cmd.Env, "GOWORK="+t.work)
	return cmd
}

// injectHooks adds to each package with mutants the variable that chooses one, and to
// those of the decoders what sets it.
func (t *mutantTree) injectHooks() error {
	const variable = "package %s\n\nvar %s int // the number of the mutant that runs\n"
	var err error
	write := func(dir, name, format string, args ...any) {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, format, args...), 0o666))
	}
	hook, reference := filepath.Join(t.dir, "internal", "hcsshim"), filepath.Join(t.dir, "internal", "reference")
	write(hook, "zzz_hook.go",
		"package hcsshim\n\n// Hooked is what mutants wrap.\nfunc Hooked() *UnderTest { return &underTest }\n")
	write(t.extracted(), "zzz_active.go", variable, "extracted", mutate.Active)
	write(reference, "zzz_active.go", variable, "reference", mutate.Active)
	imports, numbers := "\t\"shimfuzz/internal/hcsshim\"\n", mutate.Active+" = m.Number\n"
	for i, c := range called {
		write(filepath.Dir(t.called[i].files), "zzz_active.go", variable, c.base, mutate.Active)
		imports += fmt.Sprintf("\t%s %q\n", c.base, path.Join(c.module, c.pkg))
		numbers += fmt.Sprintf("\t\t\t%s.%s = m.Number\n", c.base, mutate.Active)
	}
	const text = `package %[1]s

import (
	"io"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
%[6]s
	"shimfuzz/lab/mutants/active"
	"shimfuzz/lab/mutants/handwritten"
	"shimfuzz/internal/settings"
)

func init() {
	t, err := settings.Load()
	if err != nil {
		panic(err)
	}
	if t.Decoder != %[2]q {
		return
	}
	%[3]s {
		right := %[4]s
		current := right
		%[4]s = func(r io.Reader) (*options.Options, error) { return current(r) }
		active.Hook(func(m settings.Mutant) {
			%[5]s
			current = handwritten.Inject(m.Bug, right)
		})
	}
	active.Set(t.Mutant)
}
`
	number := mutate.Active + " = m.Number"
	write(t.extracted(), "zzz_hook_hcsshim.go", text, "extracted", "hcsshim", "", "hcsshim.Hooked().ReadOptions",
		numbers, imports)
	write(t.extracted(), "zzz_hook_create.go", text, "extracted", "create",
		"for i := range hcsshim.Hooked().Creates", "hcsshim.Hooked().Creates[i].Read", number,
		"\t\"shimfuzz/internal/hcsshim\"\n")
	write(reference, "zzz_hook_reference.go", text, "reference", "reference", "", "Decoder.Read", number, "")
	return err
}

// sourceName names hcsshim as a source of mutants.
func sourceName(b *extract.Build) string { return "hcsshim " + cmp.Or(b.Source.Version, "checkout") }

// mutants are all there are, the hand-written last.
func (t *mutantTree) mutants(b *extract.Build) ([]*mutant, error) {
	hcsshim := sourceName(b)
	internal := filepath.Join(t.dir, "internal")
	sources := slices.Concat(
		[]source{
			{hcsshim, "hcsshim", filepath.Join(t.extracted(), filepath.Base(b.DecoderFile())), nil},
			{hcsshim + " create", "create", filepath.Join(t.extracted(), filepath.Base(b.CreateFile())), nil},
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
			if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(filepath.Base(file), "zzz_") {
				continue
			}
			more, err := mutantsOf(s, file)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
	}
	all = slices.Concat(all, handwrittenIn(hcsshim, "hcsshim", handwritten.Bugs), handwrittenIn("create", "create", handwritten.CreateBugs),
		handwrittenIn("reference", "reference", handwritten.Bugs))
	for i, m := range all {
		m.number = i + 1
	}
	return all, nil
}

// handwrittenIn are bugs of the hand-written mutants in a decoder.
func handwrittenIn(source, decoder string, bugs []handwritten.Bug) (all []*mutant) {
	for _, bug := range bugs {
		all = append(all, &mutant{source: "hand-written in " + source, name: bug.Name, change: bug.Why, decoder: decoder,
			bug: bug.Name, result: isUnknown})
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
		all = append(all, &mutant{source: s.name, name: m.Name, change: change, decoder: s.decoder, file: file, made: m,
			result: isUnknown})
	}
	return all, err
}

// stale are the mutants that are listed as equivalent and are not. Duplicates are
// listed both, for a sample may have either.
func stale(chosen []*mutant, known map[string]string) (all []string) {
	for _, m := range chosen {
		if known[m.id()] != "" && m.result != isEquivalent && m.result != isUnknown && known[m.note] == "" {
			all = append(all, fmt.Sprintf("%s: %s", m.id(), m.result))
		}
	}
	return all
}

// unknown are the mutants that are listed as equivalent and no longer made,
// though others of the same source are.
func unknown(all []*mutant, known map[string]string) (stale []string) {
	made := make(map[string]bool)
	for _, m := range all {
		made[m.id()], made[m.source] = true, true
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
func judgeMutants(b *extract.Build, all []*mutant, stale []string) error {
	printSurvivors(os.Stdout, all)
	for _, s := range stale {
		fmt.Printf("\nSTALE  lab/mutants/mutate/equivalent.txt has %s\n", s)
	}
	survived := slices.ContainsFunc(all, func(m *mutant) bool { return m.result == isSurvivor })
	if !survived && len(stale) == 0 {
		return nil
	}
	if b.Source.Version == "" {
		fmt.Println("\nnote: a checkout has no list of equivalent mutants; judge those that survived yourself")
		return nil
	}
	return gocmd.ErrReported
}

// writeResults prints the summary and writes every mutant into a file.
func writeResults(b *extract.Build, all []*mutant) error {
	fmt.Println()
	printResults(os.Stdout, all)
	var rows bytes.Buffer
	writeRows(&rows, all)
	file := filepath.Join(b.Dir, "mutants.txt")
	fmt.Printf("\nevery mutant: %s\n", file)
	return os.WriteFile(file, rows.Bytes(), 0o666)
}
