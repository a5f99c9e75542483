package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/mutants/mutate"
)

// checker tells which mutants are programs, as the compiler would.
type checker struct {
	set      *token.FileSet
	imports  types.Importer
	packages map[string]*checkedPackage // by folder
}

// checkedPackage is a package that mutants are made of.
type checkedPackage struct {
	Dir, ImportPath, Export string
	GoFiles                 []string
	DepOnly                 bool
	parsed                  map[string]*ast.File
}

// newChecker reads the packages in folders, which it finds by what the tree imports.
func newChecker(ctx context.Context, tree *mutantTree, folders []string) (*checker, error) {
	out, err := gocmd.Output(tree.command(ctx, "list", "-export", "-deps", "-trimpath",
		"-json=Dir,ImportPath,Export,GoFiles", "./internal/verify"))
	if err != nil {
		return nil, err
	}
	c := &checker{set: token.NewFileSet(), packages: make(map[string]*checkedPackage)}
	exports := make(map[string]string)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(checkedPackage)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		exports[p.ImportPath] = p.Export
		if slices.Contains(folders, p.Dir) {
			if err := c.parse(p); err != nil {
				return nil, err
			}
		}
	}
	c.imports = importer.ForCompiler(c.set, "gc", func(path string) (io.ReadCloser,
		error) {
		return os.Open(exports[path])
	})
	return c, nil
}

func (c *checker) parse(p *checkedPackage) error {
	p.parsed = make(map[string]*ast.File)
	for _, name := range p.GoFiles {
		name = filepath.Join(p.Dir, name)
		file, err := parser.ParseFile(c.set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p.parsed[name] = file
	}
	c.packages[p.Dir] = p
	return nil
}

// check returns the first complaint about a package with another text of one of its files.
func (c *checker) check(name string, text []byte) error {
	file, err := parser.ParseFile(c.set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p := c.packages[filepath.Dir(name)]
	files := []*ast.File{file}
	for other, parsed := range p.parsed {
		if other != name {
			files = append(files, parsed)
		}
	}
	config := types.Config{Importer: c.imports, Sizes: types.SizesFor("gc", runtime.GOARCH)}
	_, err = config.Check(p.ImportPath, c.set, files, nil)
	var typed types.Error
	if errors.As(err, &typed) {
		return errors.New(typed.Msg)
	}
	return err
}

// schemata are the files with all the mutants of each in them, by name.
func schemata(all []*mutant) (map[string][]byte, error) {
	of := make(map[string]map[int]mutate.Mutant)
	for _, m := range all {
		if of[m.file] == nil {
			of[m.file] = make(map[int]mutate.Mutant)
		}
		of[m.file][m.number] = m.made
	}
	files := make(map[string][]byte)
	for name, mutants := range of {
		text, err := os.ReadFile(name)
		if err == nil {
			files[name], err = mutate.Schema(text, mutants)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

// findDuplicates asks the compiler for the machine code of schemata, and marks the
// mutants whose code is that of the original or of another mutant.
func findDuplicates(listing string, all []*mutant) {
	code := codeOf(listing)
	type function struct{ file, code string }
	seen := make(map[function]string)
	originals := make(map[string]bool)
	for _, block := range code[0] {
		originals[block] = true
	}
	for _, m := range all {
		blocks := code[m.number]
		if len(blocks) == 0 {
			continue
		}
		key := function{m.file, strings.Join(blocks, "\n")}
		duplicate := seen[key]
		if !slices.ContainsFunc(blocks, func(b string) bool { return !originals[b] }) {
			duplicate = "the original"
		}
		if duplicate != "" {
			m.result, m.note = isDuplicate, duplicate
			continue
		}
		seen[key] = m.id()
	}
}

var (
	ofMutant = regexp.MustCompile(`^(\S+\.)?mutant(\d+)_`)
	anyCopy  = regexp.MustCompile(`mutant\d+_`)
	position = regexp.MustCompile(`(?m)^(\t0x[0-9a-f]+ \d+ )\([^()]*:\d+\)`)
)

// codeOf splits what the compiler's flag -S prints into the mutants' functions, their
// closures and their data, by number, without names and places in the file.
func codeOf(listing string) map[int][]string {
	code := make(map[int][]string)
	var block strings.Builder
	end := func() {
		text := block.String()
		block.Reset()
		if m := ofMutant.FindStringSubmatch(text); m != nil {
			n, _ := strconv.Atoi(m[2]) // the expression matches numbers only
			code[n] = append(code[n], position.ReplaceAllString(anyCopy.ReplaceAllString(text, ""), "$1"))
		}
	}
	for line := range strings.Lines(listing) {
		if !strings.HasPrefix(line, "\t") {
			end()
		}
		block.WriteString(line)
	}
	end()
	for _, blocks := range code {
		slices.Sort(blocks)
	}
	return code
}
