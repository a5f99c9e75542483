package extract

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/printer"
	"go/token"
	"go/types"
	"iter"
	"maps"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/packages"

	"shimfuzz/internal/gocmd"
)

// program is a shim's program for Windows. The declarations that its decoder reaches are
// copied into one package.
type program struct {
	Shim
	source *Source
	main   *packages.Package
	deps   map[string]*packages.Package // all that it links, by import path
	own    []*packages.Package          // of hcsshim's module, what is imported first, main last
	copied map[*types.Package]bool      // own
	fset   *token.FileSet
	info   *types.Info                     // of all of own
	decls  []*declaration                  // of own
	of     map[types.Object][]*declaration // what comes with an object: see add
	names  map[any]string                  // what an object, and an import path, is called where it is copied to
	taken  map[string]bool                 // names, at first those that generated code has itself
	texts  map[string]bool                 // constants of what is reached
	ints   map[uint64]bool                 // likewise

	imports     map[string]string // of the file that is being written, import path to name
	copies      map[string]string // of packages that cannot be imported, import path to that of the copy
	linked      []string          // packages that are imported because the Windows binary has them
	licence     string
	description string // of the function under test
}

// declaration is what is copied as a whole: a function, a group of constants, or a
// specification of another group.
type declaration struct {
	node     ast.Decl
	start    positioned          // node, or its comment: the lines behind it are counted from there
	comments []*ast.CommentGroup // of the file that it is in
	file     string              // the extracted file that it belongs to, "" if nothing reaches it
}

// newProgram indexes a program. Of packages that register message types no declarations
// are taken: these are linked as they are.
func newProgram(s *Source, which Shim, main *packages.Package) (*program, error) {
	for _, e := range main.Errors {
		if e.Kind != packages.TypeError { // whether it compiles is the compiler's to say
			return nil, fmt.Errorf("%s: %s", e.Pos, gocmd.OneLine(e.Msg))
		}
	}
	p := &program{
		Shim:   which,
		source: s,
		main:   main,
		deps:   make(map[string]*packages.Package),
		copied: make(map[*types.Package]bool),
		fset:   main.Fset,
		info:   main.TypesInfo,
		of:     make(map[types.Object][]*declaration),
		names:  make(map[any]string),
		taken: map[string]bool{"creates": true, "constants": true, "hcsshim": true, "err": true, "r": true,
			"ctx": true},
		texts:   make(map[string]bool),
		ints:    make(map[uint64]bool),
		imports: make(map[string]string),
	}
	for pkg := range packages.Postorder([]*packages.Package{main}) {
		p.deps[pkg.PkgPath] = pkg
		if pkg == main || pkg.Module != nil && pkg.Module.Main && !registers(pkg) {
			p.own = append(p.own, pkg)
			p.copied[pkg.Types] = true
			maps.Copy(p.info.Defs, pkg.TypesInfo.Defs)
			maps.Copy(p.info.Uses, pkg.TypesInfo.Uses)
			maps.Copy(p.info.Types, pkg.TypesInfo.Types)
		}
	}
	for _, pkg := range p.own {
		for _, file := range pkg.Syntax {
			for _, decl := range file.Decls {
				p.add(decl, file.Comments)
			}
		}
	}
	return p, nil
}

// add adds a declaration, or the specifications of a group. With a type come its methods,
// and with a variable the init functions that may set it.
func (p *program) add(decl ast.Decl, comments []*ast.CommentGroup) {
	group, ok := decl.(*ast.GenDecl)
	// Iota and implicit repetition give a lone constant another value.
	if ok && group.Tok != token.CONST && group.Lparen.IsValid() {
		for _, spec := range group.Specs {
			p.add(alone(group.Tok, spec), comments)
		}
		return
	}
	d := &declaration{node: decl, start: decl, comments: comments}
	p.decls = append(p.decls, d)
	f, _ := decl.(*ast.FuncDecl)
	if f != nil && f.Doc != nil {
		d.start = f.Doc
	} else if ok && group.Doc != nil {
		d.start = group.Doc
	}
	isInit := f != nil && f.Recv == nil && f.Name.Name == "init"
	if f != nil && f.Recv != nil {
		for id := range identifiers(f.Recv.List[0].Type) {
			if p.owns(p.object(id)) {
				p.of[p.object(id)] = append(p.of[p.object(id)], d)
			}
			return // what follows are type parameters
		}
	}
	for id := range identifiers(decl) {
		_, isVar := p.object(id).(*types.Var)
		if p.owns(p.object(id)) && (p.info.Defs[id] != nil || isInit && isVar) {
			p.of[p.object(id)] = append(p.of[p.object(id)], d)
		}
	}
}

// alone is a specification of a group as a declaration.
func alone(tok token.Token, spec ast.Spec) *ast.GenDecl {
	decl := &ast.GenDecl{TokPos: spec.Pos(), Tok: tok, Specs: []ast.Spec{spec}}
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		decl.Doc = spec.Doc
	case *ast.ValueSpec:
		decl.Doc = spec.Doc
	}
	return decl
}

// identifiers are those in a node, in the order of the text.
func identifiers(node ast.Node) iter.Seq[*ast.Ident] {
	return func(yield func(*ast.Ident) bool) {
		for n := range ast.Preorder(node) {
			if id, ok := n.(*ast.Ident); ok && !yield(id) {
				return
			}
		}
	}
}

// object is what an identifier means or declares, nil if that is not known.
func (p *program) object(id *ast.Ident) types.Object {
	if f, ok := p.info.Uses[id].(*types.Func); ok {
		return f.Origin()
	}
	return cmp.Or(p.info.Uses[id], p.info.Defs[id])
}

// owns reports whether an object is one of a package that is copied: not of a function,
// and no method or field.
func (p *program) owns(obj types.Object) bool {
	return obj != nil && p.copied[obj.Pkg()] && obj.Parent() == obj.Pkg().Scope()
}

// reach gives the declarations of what a node names, and all that they lead to, to an
// extracted file, unless they belong to one.
func (p *program) reach(file string, node ast.Node) {
	p.takeConstants(node)
	for id := range identifiers(node) {
		for _, d := range p.of[p.object(id)] {
			if d.file == "" {
				d.file = file
				p.reach(file, d.node)
			}
		}
	}
}

// reached is the text of what belongs to an extracted file.
func (p *program) reached(file string) string {
	var all strings.Builder
	for _, d := range p.decls {
		if d.file == file {
			fmt.Fprintf(&all, "\n// From %s, line %d.\n\n%s\n", p.file(d.node), p.position(d.start).Line,
				p.text(d.node, d.comments))
		}
	}
	return all.String()
}

// text is a node with the names by which what is in it is copied.
func (p *program) text(n ast.Node, comments []*ast.CommentGroup) string {
	astutil.Apply(n, func(c *astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.SelectorExpr:
			if p.owns(p.object(n.Sel)) { // another package's, which becomes this one
				c.Replace(n.Sel)
			}
		case *ast.Ident:
			n.Name = p.name(n)
		}
		return true
	}, nil)
	var b strings.Builder
	if err := format.Node(&b, p.fset, &printer.CommentedNode{Node: n, Comments: comments}); err != nil {
		return err.Error() // which is no Go
	}
	return b.String()
}

// name is that of an identifier where it is copied to.
func (p *program) name(id *ast.Ident) string {
	obj := p.object(id)
	if pkg, ok := obj.(*types.PkgName); ok && !p.copied[pkg.Imported()] {
		return p.use(pkg.Imported().Path(), id.Name)
	}
	if p.owns(obj) {
		return p.settle(obj, id.Name)
	}
	return id.Name
}

// use imports a package, under its name or another.
func (p *program) use(importPath, name string) string {
	p.imports[importPath] = p.settle(importPath, name)
	return p.imports[importPath]
}

// settle gives each object and each import path one name of its own, because several
// packages become one, and two of hcsshim's files may use one name for two packages, as
// the shim does with errors.
func (p *program) settle(key any, name string) string {
	if p.names[key] == "" {
		p.names[key] = name
		for n := 2; p.taken[p.names[key]]; n++ {
			p.names[key] = name + strconv.Itoa(n)
		}
		p.taken[p.names[key]] = true
	}
	return p.names[key]
}

// positioned is a node or an object.
type positioned interface{ Pos() token.Pos }

// position is for people: a file, from the root of the module, and a line.
func (p *program) position(what positioned) token.Position {
	at := p.fset.Position(what.Pos())
	at.Column = 0
	if rel, err := filepath.Rel(p.source.Dir, at.Filename); err == nil {
		at.Filename = filepath.ToSlash(rel)
	}
	return at
}

// file is that of a node, from the program's folder if it is in there.
func (p *program) file(n ast.Node) string {
	return strings.TrimPrefix(p.position(n).Filename, "cmd/"+p.Name+"/")
}

func (p *program) errorf(at positioned, format string, args ...any) error {
	return fmt.Errorf("%v: %s", p.position(at), fmt.Sprintf(format, args...))
}
