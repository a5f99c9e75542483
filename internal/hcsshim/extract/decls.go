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

// shim is a shim's program for Windows: the packages of hcsshim's that it is made of.
type shim struct {
	Shim
	source *Source
	deps   map[string]*packages.Package // all that it links, by import path
	main   *packages.Package            // of the program
	own    map[string]*packages.Package // whose declarations are copied, by import path
	files  []*ast.File                  // of own, those of the program first
	fset   *token.FileSet
	info   *types.Info                     // of all of own
	decls  []*declaration                  // in the order of files
	of     map[types.Object][]*declaration // what comes with an object: see index
	names  map[any]string                  // what an object, and an import path, is called where it is copied to
	taken  map[string]bool                 // names, at first those that generated code has itself
}

// extraction is the function that reads standard input and every package-level
// declaration of hcsshim's that it reaches, from all of its packages.
type extraction struct {
	decoder     string // the function as a readOptions, an expression
	entry       string // which function that is, for people; "" is the usual one
	readOptions *section
	create      *section // what readOptions does not reach; nil if that is not asked for
	creates     []string // elements of a []hcsshim.Create
}

// section is what one extracted file has of hcsshim's.
type section struct {
	decls   []string          // source text
	imports map[string]string // import path to the name it is used by
}

// extract walks from the function that reads standard input.
func (p *shim) extract() (*extraction, error) {
	f, description, err := p.entry()
	if err != nil {
		return nil, err
	}
	p.reach(decoderFile, f)
	x := &extraction{entry: description}
	if p.create {
		blocks, err := p.createBlocks()
		if err != nil {
			return nil, err
		}
		for i, b := range blocks {
			p.reachFrom(createFile, b.nodes()...)
			p.decls = slices.Insert(p.decls, i, &declaration{nodes: b.nodes(), block: b, file: createFile})
			x.creates = append(x.creates, fmt.Sprintf("{File: %q, Read: hcsshim.OfRequest(%s)},\n", p.file(b.block),
				b.name()))
		}
	}
	p.settleObjects()
	var more []string // which the decoder uses beside the function
	if f.Signature().Params().Len() > 1 {
		more = []string{"context", "io", optionsPackage}
	}
	if x.readOptions, err = p.section(decoderFile, more...); err != nil {
		return nil, err
	}
	x.decoder = p.decoder(f)
	switch {
	case p.observed != "":
		err = x.readOptions.observe()
	case p.create:
		x.create, err = p.section(createFile, optionsPackage)
	}
	return x, err
}

// declaration is what is copied as a whole: a function, a group of constants, a
// specification of another group, or a function that is made of a block.
type declaration struct {
	nodes    []ast.Node
	comments []*ast.CommentGroup // of the file that it is in
	block    *createBlock        // nil if it is declared in hcsshim
	objects  []types.Object      // declared
	file     string              // the extracted file that it belongs to, "" if nothing reaches it
}

// newShim indexes the program among pkgs and what they import. Of packages that register
// message types no declarations are taken: these are linked as they are.
func newShim(s *Source, which Shim, pkgs []*packages.Package) (*shim, error) {
	p := &shim{
		Shim:   which,
		source: s,
		deps:   make(map[string]*packages.Package),
		own:    make(map[string]*packages.Package),
		of:     make(map[types.Object][]*declaration),
		names:  make(map[any]string),
		taken: map[string]bool{"creates": true, "hcsshim": true, "found": true, "observe": true, "throughStdin": true,
			"err": true, "r": true, "v": true},
	}
	for pkg := range packages.Postorder(pkgs) {
		p.deps[pkg.PkgPath] = pkg
		isOwn := pkg.Module != nil && pkg.Module.Main && pkg.Name != "main" && !registers(pkg)
		if isOwn || pkg.PkgPath == p.importPath() {
			p.own[pkg.PkgPath] = pkg
		}
	}
	if p.main = p.own[p.importPath()]; p.main == nil {
		return nil, fmt.Errorf("no package %s", p.importPath())
	}
	p.fset, p.info = p.main.Fset, p.main.TypesInfo
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
			group, ok := decl.(*ast.GenDecl)
			// Iota and implicit repetition give a lone constant another value.
			if !ok || group.Tok == token.CONST || !group.Lparen.IsValid() {
				p.add(decl, file.Comments)
				continue
			}
			for _, spec := range group.Specs {
				p.add(alone(group.Tok, spec), file.Comments)
			}
		}
	}
	for _, d := range p.decls {
		f, ok := d.nodes[0].(*ast.FuncDecl)
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

func (p *shim) add(decl ast.Decl, comments []*ast.CommentGroup) {
	d := &declaration{nodes: []ast.Node{decl}, comments: comments}
	p.decls = append(p.decls, d)
	if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
		for id := range identifiers(f.Recv.List[0].Type) {
			p.of[p.object(id)] = append(p.of[p.object(id)], d)
			break // what follows are type parameters
		}
	}
	for id := range identifiers(decl) {
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

// imported is the path of the package that an identifier means, or "".
func (p *shim) imported(id *ast.Ident) string {
	if pkg, ok := p.object(id).(*types.PkgName); ok {
		return pkg.Imported().Path()
	}
	return ""
}

// reach gives the declarations that come with an object, and all that they lead to, to an
// extracted file, unless they belong to one.
func (p *shim) reach(file string, obj types.Object) {
	for _, d := range p.of[obj] {
		if d.file == "" {
			d.file = file
			p.reachFrom(file, d.nodes...)
		}
	}
}

func (p *shim) reachFrom(file string, nodes ...ast.Node) {
	for id := range identifiers(nodes...) {
		p.reach(file, p.object(id))
	}
}

// section writes what belongs to an extracted file. The packages more are imported in any
// case.
func (p *shim) section(file string, more ...string) (*section, error) {
	uses := make(map[string]*ast.Ident)
	for _, importPath := range more {
		uses[importPath] = ast.NewIdent(path.Base(importPath))
	}
	var decls []*declaration
	for _, d := range p.decls {
		if d.file != file {
			continue
		}
		decls = append(decls, d)
		for id := range identifiers(d.nodes...) {
			if pkg := p.imported(id); pkg != "" && p.own[pkg] == nil {
				uses[pkg] = id
			}
		}
	}
	s := &section{imports: make(map[string]string)}
	for _, importPath := range slices.Sorted(maps.Keys(uses)) {
		s.imports[importPath] = p.settle(importPath, uses[importPath].Name)
	}
	for _, d := range decls {
		var text string
		if d.block != nil {
			text = p.createSource(d.block)
		} else {
			text = fmt.Sprintf("// From %s.\n\n%s", p.from(d.nodes[0]), p.text(d.nodes[0], d.comments))
		}
		if directive := atHomeOnly.FindString(text); directive != "" {
			return nil, p.errorf(d.nodes[0], "readOptions reaches a declaration with %s, which works in its own "+
				"package only", directive)
		}
		s.decls = append(s.decls, text)
	}
	return s, nil
}

var atHomeOnly = regexp.MustCompile(`(?m)^//go:(embed|linkname)`)

// settleObjects gives each reached object a name of its own, because several packages
// become one.
func (p *shim) settleObjects() {
	for _, d := range p.decls {
		for _, obj := range d.objects {
			if d.file != "" {
				p.settle(obj, obj.Name())
			}
		}
	}
}

// settle returns the name by which an object, or a package, is copied. Two files of
// hcsshim's may use one name for two packages, as the shim does with errors.
func (p *shim) settle(key any, name string) string {
	if p.names[key] == "" {
		p.names[key] = name
		for n := 2; p.taken[p.names[key]]; n++ {
			p.names[key] = name + strconv.Itoa(n)
		}
		p.taken[p.names[key]] = name != "_"
	}
	return p.names[key]
}

// text is a node with the names by which what is in it is copied.
func (p *shim) text(n ast.Node, comments []*ast.CommentGroup) string {
	astutil.Apply(n, func(c *astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && p.own[p.imported(id)] != nil {
				c.Replace(n.Sel)
			}
		case *ast.Ident:
			key := any(cmp.Or(p.object(n), p.info.Defs[n]))
			if pkg := p.imported(n); pkg != "" {
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
	if rel, err := filepath.Rel(p.source.Dir, at.Filename); err == nil {
		at.Filename = filepath.ToSlash(rel)
	}
	return at
}

// file is that of a node, from the program's folder if it is in there.
func (p *shim) file(n ast.Node) string {
	return strings.TrimPrefix(p.position(n).Filename, "cmd/"+p.Name+"/")
}

// from is where a node is from.
func (p *shim) from(n ast.Node) string {
	return fmt.Sprintf("%s, line %d", p.file(n), p.position(n).Line)
}

func (p *shim) errorf(at positioned, format string, args ...any) error {
	return fmt.Errorf("%v: %s", p.position(at), fmt.Sprintf(format, args...))
}
