// Package coverage measures how much of the code under test the tests reach.
package coverage

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/tools/cover"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// packages are measured: the extracted code, and what decodes on its behalf.
var packages = []string{
	extract.Module,
	"github.com/containerd/containerd/api/runtime/bootstrap/v1",
	"github.com/containerd/typeurl/v2",
	"google.golang.org/protobuf/encoding/protowire",
	"google.golang.org/protobuf/internal/impl",
	"google.golang.org/protobuf/proto",
}

// The extracted files.
const (
	readOptionsFile = "readoptions.go"
	createFile      = "create.go"
)

// share is a row of the coverage table: how many statements of some functions
// the tests reach.
type share struct {
	what     string
	pkg      string // import path
	file     string // of the package, "" is all of it
	function *regexp.Regexp
	must     bool // all of it, or the tests are not good enough

	covered, total int
	missed         []string
}

func shares() []*share {
	anything := regexp.MustCompile(``)
	decoding := regexp.MustCompile(`(?i)unmarshal|^consume`)
	return []*share{
		{what: "readOptions and what it reaches", pkg: packages[0], file: readOptionsFile, function: anything, must: true},
		{what: "what decodes CreateTaskRequest.Options", pkg: packages[0], file: createFile, function: anything, must: true},
		{what: "bootstrap.FindExtension", pkg: packages[1], function: regexp.MustCompile(`^FindExtension$`), must: true},
		{what: "typeurl", pkg: packages[2], function: anything},
		{what: "protobuf: decoding functions of protowire", pkg: packages[3], function: decoding},
		{what: "protobuf: decoding functions of impl", pkg: packages[4], function: decoding},
		{what: "protobuf: decoding functions of proto", pkg: packages[5], function: decoding},
	}
}

// Flags are the flags of "go test" for a profile of the code under test.
func Flags(profile string) []string {
	return []string{"-coverpkg=" + strings.Join(packages, ","), "-coverprofile=" + profile}
}

// Print prints which part of the code under test was run, and returns a
// complaint if that is not all of what must be.
func Print(ctx context.Context, b *extract.Build, profile string) (string, error) {
	profiles, err := cover.ParseProfiles(profile)
	if err != nil || len(profiles) == 0 {
		return "no coverage: the properties did not get to run", nil
	}
	dirs, err := packageDirs(ctx, b)
	if err != nil {
		return "", err
	}
	rows := shares()
	for _, p := range profiles {
		for _, row := range rows {
			base := path.Base(p.FileName)
			if path.Dir(p.FileName) == row.pkg && (row.file == "" || row.file == base) {
				if err := row.add(p, filepath.Join(dirs[row.pkg], base)); err != nil {
					return "", err
				}
			}
		}
	}
	fmt.Println("statements reached by the properties:")
	var incomplete []string
	for _, row := range rows {
		fmt.Printf("  %-46s %5.1f %%  %d of %d\n", row.what, 100*float64(row.covered)/float64(max(1, row.total)), row.covered, row.total)
		if row.must && (row.covered < row.total || row.total == 0) {
			incomplete = append(incomplete, row.what+" at "+strings.Join(row.missed, ", "))
		}
	}
	if len(incomplete) > 0 {
		return "statements that no property reaches: " + strings.Join(incomplete, "; "), nil
	}
	return "", nil
}

func packageDirs(ctx context.Context, b *extract.Build) (map[string]string, error) {
	out, err := gocmd.Output(b.Go(ctx, settings.Test{}, "list", append([]string{"-f", "{{.ImportPath}}\t{{.Dir}}"}, packages...)...))
	if err != nil {
		return nil, fmt.Errorf("coverage: %w", err)
	}
	dirs := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		importPath, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		dirs[importPath] = dir
	}
	return dirs, nil
}

// add counts the profile's blocks that lie in one of the row's functions.
func (s *share) add(p *cover.Profile, file string) error {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("coverage: %w", err)
	}
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Name.Name == "init" || !s.function.MatchString(f.Name.Name) {
			continue
		}
		from, to := fset.Position(f.Pos()).Line, fset.Position(f.End()).Line
		for _, block := range p.Blocks {
			if block.StartLine >= from && block.EndLine <= to {
				s.count(block, filepath.Base(file))
			}
		}
	}
	return nil
}

func (s *share) count(block cover.ProfileBlock, file string) {
	s.total += block.NumStmt
	if block.Count > 0 {
		s.covered += block.NumStmt
		return
	}
	s.missed = append(s.missed, fmt.Sprintf("%s:%d", file, block.StartLine))
}

// Statements are those of some code: how many there are, and were reached.
type Statements struct{ Reached, All int }

// Seeds counts the statements of the extracted code and of typeurl in a profile of
// a fuzz target, which must have both.
func Seeds(profile string) (extracted, typeurl Statements, err error) {
	profiles, err := cover.ParseProfiles(profile)
	if err != nil {
		return extracted, typeurl, err
	}
	for _, p := range profiles {
		var s *Statements
		switch dir, file := path.Split(p.FileName); {
		case dir == packages[0]+"/" && (file == readOptionsFile || file == createFile):
			s = &extracted
		case dir == packages[2]+"/":
			s = &typeurl
		default:
			continue
		}
		for _, block := range p.Blocks {
			s.All += block.NumStmt
			if block.Count > 0 {
				s.Reached += block.NumStmt
			}
		}
	}
	if extracted.All == 0 || typeurl.All == 0 {
		return extracted, typeurl, fmt.Errorf("%s has %d statements of the extracted code and %d of typeurl", profile, extracted.All, typeurl.All)
	}
	return extracted, typeurl, nil
}
