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
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/ast/astutil"
	"golang.org/x/tools/go/packages"

	"shimfuzz/internal/gocmd"
)

// extraction is the function that reads standard input and every package-level
// declaration of hcsshim's that it reaches, from all of its packages.
type extraction struct {
	decoder     string // the function as a readOptions, an expression
	entry       string // which function that is, for people; "" is the usual one
	readOptions *section
	create      *section // what readOptions does not reach; nil if that is not asked for
	creates     []string // values of type hcsshim.Create
}

// section is what one extracted file has of hcsshim's.
type section struct {
	decls   []string          // source text
	imports map[string]string // import path to the name it is used by
}

// extractDecls walks from the function of a shim that reads standard input.
func extractDecls(s Shim, p *shim) (*extraction, error) {
	f, description, err := p.entry(s)
	if err != nil {
		return nil, err
	}
	p.reach(decoderFile, f)
	var blocks []*createBlock
	if s.create {
		if blocks, err = p.createBlocks(); err != nil {
			return nil, err
		}
	}
	x := &extraction{entry: description}
	for _, b := range blocks {
		p.reachFrom(createFile, b.nodes()...)
		x.creates = append(x.creates, fmt.Sprintf("{File: %q, Read: hcsshim.OfRequest(%s)}", p.file(b.block), b.name()))
	}
	p.settleObjects()
	if x.readOptions, err = p.section(decoderFile, nil, adapterImports(f)...); err != nil {
		return nil, err
	}
	x.decoder = p.decoder(f)
	if s.create {
		x.create, err = p.section(createFile, blocks, optionsPackage)
	}
	return x, err
}

// shim is a shim's program for Windows: the packages of hcsshim's that it is made of.
type shim struct {
	dir   string                       // the module's root
	deps  map[string]*packages.Package // all that it links, by import path
	main  *packages.Package            // of the program
	own   map[string]*packages.Package // whose declarations are copied, by import path
	files []*ast.File                  // of own, those of the program first
	fset  *token.FileSet
	info  types.Info                      // of all of own
	decls []*declaration                  // in the order of files
	of    map[types.Object][]*declaration // what comes with an object: see index
	names map[any]string                  // what an object, and an import path, is called where it is copied to
	taken map[string]bool                 // names, at first those that generated code has itself
}

// declaration is what is copied as a whole: a function, a group of constants, a
// specification of another group.
type declaration struct {
	node     ast.Decl
	comments []*ast.CommentGroup // of the file that it is in
	objects  []types.Object      // declared
	file     string              // the extracted file that it belongs to, "" if nothing reaches it
}

// newShim indexes the program with this import path among pkgs and what they import. Of
// packages that register message types no declarations are taken: these are linked as
// they are.
func newShim(s *Source, main string, pkgs []*packages.Package) (*shim, error) {
	p := &shim{
		dir:   s.Dir,
		deps:  make(map[string]*packages.Package),
		own:   make(map[string]*packages.Package),
		of:    make(map[types.Object][]*declaration),
		names: make(map[any]string),
		taken: map[string]bool{"creates": true, "hcsshim": true, "found": true, "observe": true, "throughStdin": true,
			"err": true, "r": true, "v": true},
		info: types.Info{Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
			Types: make(map[ast.Expr]types.TypeAndValue)},
	}
	for pkg := range packages.Postorder(pkgs) {
		p.deps[pkg.PkgPath] = pkg
		isOwn := pkg.Module != nil && pkg.Module.Main && pkg.Name != "main" && !registers(pkg)
		if isOwn || pkg.PkgPath == main {
			p.own[pkg.PkgPath] = pkg
		}
	}
	if p.main = p.own[main]; p.main == nil {
		return nil, fmt.Errorf("no package %s", main)
	}
	p.fset = p.main.Fset
	for _, e := range p.main.Errors {
		if e.Kind != packages.TypeError { // whether it compiles is the compiler's to say
			return nil, fmt.Errorf("%s: %s", e.Pos, gocmd.OneLine(e.Msg))
		}
	}
	for _, pkg := range p.packages() {
		p.files = append(p.files, pkg.Syntax...)
		maps.Copy(p.info.Defs, pkg.TypesInfo.Defs)
		maps.Copy(p.info.Uses, pkg.TypesInfo.Uses)
		maps.Copy(p.info.Types, pkg.TypesInfo.Types)
	}
	p.index()
	return p, nil
}

// packages are the program's own, and then the others by their path.
func (p *shim) packages() []*packages.Package {
	all := []*packages.Package{p.main}
	for _, importPath := range slices.Sorted(maps.Keys(p.own)) {
		if importPath != p.main.PkgPath {
			all = append(all, p.own[importPath])
		}
	}
	return all
}

// index finds the declarations. With a type come its methods, and with a variable the
// init functions that may set it.
func (p *shim) index() {
	for _, file := range p.files {
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				p.add(&declaration{node: decl, comments: file.Comments})
			case *ast.GenDecl:
				for _, decl := range split(decl) {
					p.add(&declaration{node: decl, comments: file.Comments})
				}
			}
		}
	}
	for _, d := range p.decls {
		f, ok := d.node.(*ast.FuncDecl)
		if !ok || f.Recv != nil || f.Name.Name != "init" {
			continue
		}
		for id := range identifiers(f) {
			if v, ok := p.object(id).(*types.Var); ok && p.of[v] != nil {
				p.of[v] = append(p.of[v], d)
			}
		}
	}
}

// split makes a declaration of each specification of a group. Constants stay together,
// because iota and implicit repetition give a lone one another value.
func split(decl *ast.GenDecl) (all []*ast.GenDecl) {
	if decl.Tok == token.CONST || !decl.Lparen.IsValid() {
		return []*ast.GenDecl{decl}
	}
	for _, spec := range decl.Specs {
		alone := &ast.GenDecl{TokPos: spec.Pos(), Tok: decl.Tok, Specs: []ast.Spec{spec}}
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			alone.Doc = spec.Doc
		case *ast.ValueSpec:
			alone.Doc = spec.Doc
		}
		all = append(all, alone)
	}
	return all
}

func (p *shim) add(d *declaration) {
	p.decls = append(p.decls, d)
	if f, ok := d.node.(*ast.FuncDecl); ok && f.Recv != nil {
		for id := range identifiers(f.Recv.List[0].Type) {
			p.of[p.object(id)] = append(p.of[p.object(id)], d)
			break // what follows are type parameters
		}
	}
	for id := range identifiers(d.node) {
		obj := p.info.Defs[id]
		if obj != nil && obj.Pkg() != nil && obj.Parent() == obj.Pkg().Scope() {
			d.objects = append(d.objects, obj)
			p.of[obj] = append(p.of[obj], d)
		}
	}
}

// identifiers are those in nodes, in the order of the text.
func identifiers(nodes ...ast.Node) iter.Seq[*ast.Ident] {
	return func(yield func(*ast.Ident) bool) {
		for _, node := range nodes {
			for n := range ast.Preorder(node) {
				if id, ok := n.(*ast.Ident); ok && !yield(id) {
					return
				}
			}
		}
	}
}

// object is what an identifier means, nil if that is not known.
func (p *shim) object(id *ast.Ident) types.Object {
	if f, ok := p.info.Uses[id].(*types.Func); ok {
		return f.Origin()
	}
	return p.info.Uses[id]
}

// importPath is the path of the package that an identifier means, or "".
func (p *shim) importPath(id *ast.Ident) string {
	if pkg, ok := p.object(id).(*types.PkgName); ok {
		return pkg.Imported().Path()
	}
	return ""
}

// reach gives the declarations that come with an object, and all that they lead to, to an
// extracted file, unless they belong to one.
func (p *shim) reach(file string, obj types.Object) {
	if obj == nil {
		return
	}
	for _, d := range p.of[obj] {
		if d.file == "" {
			d.file = file
			p.reachFrom(file, d.node)
		}
	}
}

func (p *shim) reachFrom(file string, nodes ...ast.Node) {
	for id := range identifiers(nodes...) {
		p.reach(file, p.object(id))
	}
}

// section writes what belongs to an extracted file, and the functions that are made of
// blocks. The packages more are imported in any case.
func (p *shim) section(file string, blocks []*createBlock, more ...string) (*section, error) {
	var nodes []ast.Node
	for _, b := range blocks {
		nodes = append(nodes, b.nodes()...)
	}
	decls := slices.Clone(p.decls)
	decls = slices.DeleteFunc(decls, func(d *declaration) bool { return d.file != file })
	for _, d := range decls {
		nodes = append(nodes, d.node)
	}
	uses := make(map[string]*ast.Ident)
	for _, importPath := range more {
		uses[importPath] = ast.NewIdent(path.Base(importPath))
	}
	for id := range identifiers(nodes...) {
		if pkg := p.importPath(id); pkg != "" && p.own[pkg] == nil {
			uses[pkg] = id
		}
	}
	s := &section{imports: p.settleImports(uses)}
	for _, b := range blocks {
		s.decls = append(s.decls, p.createSource(b))
	}
	for _, d := range decls {
		text, err := p.source(d)
		if err != nil {
			return nil, err
		}
		s.decls = append(s.decls, text)
	}
	return s, nil
}

// settleObjects gives each reached object a name of its own, because several packages
// become one.
func (p *shim) settleObjects() {
	for _, d := range p.decls {
		for _, obj := range d.objects {
			if d.file != "" {
				p.settle(obj, obj.Name(), p.taken)
			}
		}
	}
}

// settleImports gives each package that a file imports a name of its own: two files of
// hcsshim's may use one name for two packages, as the shim does with errors.
func (p *shim) settleImports(uses map[string]*ast.Ident) map[string]string {
	imports, taken := make(map[string]string), maps.Clone(p.taken)
	for _, importPath := range slices.Sorted(maps.Keys(uses)) {
		p.settle(importPath, uses[importPath].Name, taken)
		imports[importPath] = p.names[importPath]
	}
	return imports
}

func (p *shim) settle(key any, name string, taken map[string]bool) {
	p.names[key] = name
	for n := 2; taken[p.names[key]]; n++ {
		p.names[key] = name + strconv.Itoa(n)
	}
	taken[p.names[key]] = name != "_"
}

// source returns the text of a declaration, doc comment included.
func (p *shim) source(d *declaration) (string, error) {
	text := p.text(d.node, d.comments)
	if directive := atHomeOnly.FindString(text); directive != "" {
		return "", p.errorf(d.node, "readOptions reaches a declaration with %s, which works in its own package only",
			directive)
	}
	return fmt.Sprintf("// From %s.\n\n%s", p.from(d.node), text), nil
}

var atHomeOnly = regexp.MustCompile(`(?m)^//go:(embed|linkname)`)

// text is a node with the names by which what is in it is copied.
func (p *shim) text(n ast.Node, comments []*ast.CommentGroup) string {
	astutil.Apply(n, func(c *astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && p.own[p.importPath(id)] != nil {
				c.Replace(n.Sel)
			}
		case *ast.Ident:
			key := any(cmp.Or(p.object(n), p.info.Defs[n]))
			if pkg := p.importPath(n); pkg != "" {
				key = pkg
			}
			n.Name = cmp.Or(p.names[key], n.Name)
		}
		return true
	}, nil)
	var b strings.Builder
	if err := format.Node(&b, p.fset, &printer.CommentedNode{Node: n, Comments: comments}); err != nil {
		return err.Error() // which is no Go
	}
	return b.String()
}

// positioned is a node or an object.
type positioned interface{ Pos() token.Pos }

// position is for people: a file, from the root of the module, and a line.
func (p *shim) position(what positioned) token.Position {
	at := p.fset.Position(what.Pos())
	at.Column = 0
	if rel, err := filepath.Rel(p.dir, at.Filename); err == nil {
		at.Filename = filepath.ToSlash(rel)
	}
	return at
}

// file is that of a node, from the program's folder if it is in there.
func (p *shim) file(n ast.Node) string {
	return strings.TrimPrefix(p.position(n).Filename, strings.TrimPrefix(p.main.PkgPath, hcsshimModule+"/")+"/")
}

// from is where a node is from.
func (p *shim) from(n ast.Node) string {
	return fmt.Sprintf("%s, line %d", p.file(n), p.position(n).Line)
}

func (p *shim) errorf(at positioned, format string, args ...any) error {
	return fmt.Errorf("%v: %s", p.position(at), fmt.Sprintf(format, args...))
}
