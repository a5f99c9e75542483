package upstream

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ast/astutil"
)

//go:embed templates
var templates embed.FS

func template(name string) string {
	text, err := templates.ReadFile("templates/" + name)
	if err != nil {
		panic(err) // it is in memory
	}
	return string(text)
}

// change is a change of the shim's package: what of it, and how.
type change struct {
	what string // as an error names it when it is not found
	make func(n ast.Node) (text string, changed bool)
}

// changes are those of the commit. Each is found by the shape of the code, in whichever
// file it stands.
var changes = []change{
	{"a function readOptions", func(n ast.Node) (string, bool) {
		f, ok := n.(*ast.FuncDecl)
		return template("readoptions.go.tmpl"), ok && f.Recv == nil && f.Name.Name == "readOptions"
	}},
	{"typeurl.UnmarshalAny of the options of a CreateTaskRequest", func(n ast.Node) (string, bool) {
		return "unmarshalOptions(req.Options)", isExpr(n, "typeurl.UnmarshalAny(req.Options)")
	}},
	{"the assertion that these are shim options", func(n ast.Node) (string, bool) {
		return "v", isExpr(n, "v.(*runhcsopts.Options)")
	}},
	{"the case of a log file in serve", func(n ast.Node) (string, bool) {
		c, ok := n.(*ast.CaseClause)
		return `default:
			return errors.Errorf("debug type %v is not supported", shimOpts.DebugType)`,
			ok && len(c.List) == 1 && isExpr(c.List[0], "runhcsopts.Options_FILE")
	}},
	{"the error about the log level", func(n ast.Node) (string, bool) {
		return logLevelError, isExpr(n, `errors.Wrapf(err, "failed to parse shim log level %q", shimOpts.LogLevel)`)
	}},
	{"the place where start knows serve's process", func(n ast.Node) (string, bool) {
		s, ok := n.(*ast.AssignStmt)
		if !ok || !isExpr(s.Rhs[0], "cmd.Process.Pid") {
			return "", false
		}
		return template("start.go.tmpl") + "\t\t\tpid = cmd.Process.Pid", true
	}},
}

// logLevelError does not have the error of logrus, which repeats the level.
const logLevelError = `errors.Errorf("failed to parse shim log level %.100q", shimOpts.LogLevel)`

// moreChanges are further ones of the shim. The commit does not have them, because by
// this error make -C lab e2e sees which options have arrived.
var moreChanges = []change{
	{"the return of the error about the log level", func(n ast.Node) (string, bool) {
		s, ok := n.(*ast.ReturnStmt)
		return "lvl = logrus.GetLevel()\n" + strings.Replace(logLevelError, "errors.Errorf", "logrus.Warnf", 1),
			ok && len(s.Results) == 1 && isExpr(s.Results[0], logLevelError)
	}},
}

// lcowChanges are those of lcow-v2.
var lcowChanges = []change{
	{"proto.Unmarshal of the BootstrapParams", func(n ast.Node) (string, bool) {
		return "unmarshalParams(data, &params)", isExpr(n, "proto.Unmarshal(data, &params)")
	}},
	{"the wait for serve", func(n ast.Node) (string, bool) {
		s, ok := n.(*ast.AssignStmt)
		return template("lcow_start.go.tmpl"), ok && isExpr(s.Rhs[0],
			"windows.WaitForSingleObject(handle, windows.INFINITE)")
	}},
}

// protobufChanges are those of protobuf's package protowire.
var protobufChanges = []change{
	{"the check of field numbers in ConsumeTag", func(n ast.Node) (string, bool) {
		return "num < MinValidNumber || num > MaxValidNumber", isExpr(n, "num < MinValidNumber")
	}},
}

// pkgShimChanges are those of containerd's package shim.
var pkgShimChanges = []change{
	{"the limit of what start reads", func(n ast.Node) (string, bool) {
		s, ok := n.(*ast.AssignStmt)
		return template("pkgshim_start.go.tmpl"), ok && isExpr(s.Rhs[0],
			"io.ReadAll(io.LimitReader(os.Stdin, 10 << 20))")
	}},
}

// runtimeOptionsChanges are those of its ReadRuntimeOptions.
var runtimeOptionsChanges = []change{
	{"the Any of ReadRuntimeOptions", func(n ast.Node) (string, bool) {
		d, ok := n.(*ast.DeclStmt)
		if !ok {
			return "", false
		}
		s, ok := d.Decl.(*ast.GenDecl).Specs[0].(*ast.ValueSpec)
		return template("runtimeoptions_bootstrap.go.tmpl"), ok && isExpr(s.Type, "types.Any")
	}},
}

func isExpr(n ast.Node, text string) bool {
	e, ok := n.(ast.Expr)
	return ok && types.ExprString(e) == text
}

// imported are the packages that the new code needs, or no longer does. A name stands
// before the path if it is not the package's own.
var imported = []string{
	"bootapi github.com/containerd/containerd/api/runtime/bootstrap/v1",
	"github.com/containerd/containerd/v2/pkg/identifiers",
	"github.com/containerd/typeurl/v2",
	"google.golang.org/protobuf/encoding/protowire",
	"google.golang.org/protobuf/proto",
	"google.golang.org/protobuf/reflect/protoreflect",
}

// edit makes the changes in the package in dir. Each has to be for some place in it.
func edit(dir string, changes []change) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	found := make([]bool, len(changes))
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		old, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text, err := edited(name, old, changes, found)
		if err != nil {
			return err
		}
		if bytes.Equal(text, old) {
			continue
		}
		if err := os.WriteFile(name, text, 0o666); err != nil {
			return err
		}
	}
	var missing []string
	for i, c := range changes {
		if !found[i] {
			missing = append(missing, c.what)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("nothing to patch in %s: not found: %s", dir, strings.Join(missing, "; "))
	}
	return nil
}

// edited is a file with the changes made that are for it, and marks those.
func edited(name string, text []byte, changes []change, found []bool) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	type replacement struct {
		from, to int
		text     string
	}
	var all []replacement
	ast.Inspect(file, func(n ast.Node) bool {
		for i, c := range changes {
			with, ok := c.make(n)
			if !ok {
				continue
			}
			found[i] = true
			from := n.Pos()
			if f, ok := n.(*ast.FuncDecl); ok && f.Doc != nil {
				from = f.Doc.Pos()
			}
			all = append(all, replacement{fset.Position(from).Offset, fset.Position(n.End()).Offset,
				strings.TrimSuffix(with, "\n")})
			return false
		}
		return true
	})
	for _, r := range slices.Backward(all) {
		text = slices.Concat(text[:r.from], []byte(r.text), text[r.to:])
	}
	if len(all) == 0 {
		return text, nil
	}
	return withImports(name, text)
}

// withImports sets the imports of a file right after a change of its code.
func withImports(name string, text []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	for _, p := range imported {
		alias, importPath, found := strings.Cut(p, " ")
		if !found {
			alias, importPath = "", p
		}
		base := cmp.Or(alias, packageName(importPath))
		i := slices.IndexFunc(file.Imports,
			func(s *ast.ImportSpec) bool { return s.Path.Value == strconv.Quote(importPath) })
		old := ""
		if i >= 0 && file.Imports[i].Name != nil {
			old = file.Imports[i].Name.Name
			base = old
		}
		uses := slices.ContainsFunc(file.Unresolved, func(id *ast.Ident) bool { return id.Name == base })
		named := slices.ContainsFunc(file.Imports,
			func(s *ast.ImportSpec) bool { return packageName(strings.Trim(s.Path.Value, `"`)) == base })
		switch {
		case uses && i < 0 && !named:
			astutil.AddNamedImport(fset, file, alias, importPath)
		case !uses && i >= 0:
			astutil.DeleteNamedImport(fset, file, old, importPath)
		}
	}
	var out bytes.Buffer
	if err := format.Node(&out, fset, file); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// packageName is the name of a package with this import path.
func packageName(importPath string) string {
	return path.Base(strings.TrimSuffix(importPath, "/v2"))
}
