package extract

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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
	creates     []*createBlock
}

// section is what one extracted file has of hcsshim's.
type section struct {
	decls   []string          // source text
	imports map[string]string // import path to the name it is used by
}

// extractDecls walks from the function of a shim that reads standard input.
func extractDecls(s Shim, p *shim) (*extraction, error) {
	e, err := p.entry(s)
	if err != nil {
		return nil, err
	}
	x := &extraction{entry: e.description}
	p.reach(decoderFile, e.function)
	if s.create {
		if x.creates, err = p.createBlocks(); err != nil {
			return nil, err
		}
		for _, b := range x.creates {
			p.reachFrom(createFile, b.identifiers())
		}
	}
	p.settleObjects()
	if x.readOptions, err = p.section(decoderFile, nil, e.imports()...); err != nil {
		return nil, err
	}
	x.decoder = p.decoder(e)
	if s.create {
		x.create, err = p.section(createFile, x.creates, optionsPackage)
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
	text  map[string][]byte
	info  types.Info                      // of all of own
	decls []*declaration                  // in the order of files
	of    map[types.Object][]*declaration // what comes with an object: see index
	names map[any]string                  // what an object, and an import path, is called where it is copied to
	taken map[string]bool
	uses  map[string]string // import path to a place in what is copied that uses it
}

// declaration is what is copied as a whole: a function, a group of constants, a
// specification of another group.
type declaration struct {
	node    ast.Node
	doc     *ast.CommentGroup
	keyword string         // that a specification within parentheses lacks
	objects []types.Object // declared
	file    string         // the extracted file that it belongs to, "" if nothing reaches it
}

// newShim indexes the program with this import path among pkgs and what they import. Of
// packages that register message types no declarations are taken: these are linked as
// they are.
func newShim(s *Source, main string, pkgs []*packages.Package) (*shim, error) {
	p := &shim{
		dir:   s.Dir,
		deps:  make(map[string]*packages.Package),
		own:   make(map[string]*packages.Package),
		text:  make(map[string][]byte),
		of:    make(map[types.Object][]*declaration),
		names: make(map[any]string),
		taken: make(map[string]bool),
		uses:  make(map[string]string),
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
	return p, p.index()
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
func (p *shim) index() error {
	for _, file := range p.files {
		name := p.fset.File(file.FileStart).Name()
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		p.text[name] = text
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				p.indexFunc(decl)
			case *ast.GenDecl:
				p.indexGenDecl(decl)
			}
		}
	}
	for _, d := range p.decls {
		if f, ok := d.node.(*ast.FuncDecl); !ok || !isInit(f) {
			continue
		}
		for id := range identifiers(d.node) {
			if v, ok := p.object(id).(*types.Var); ok && p.of[v] != nil {
				p.of[v] = append(p.of[v], d)
			}
		}
	}
	return nil
}

func (p *shim) indexFunc(decl *ast.FuncDecl) {
	d := &declaration{node: decl, doc: decl.Doc}
	switch {
	case isInit(decl):
		p.add(d)
	case decl.Recv == nil:
		p.add(d, decl.Name)
	default:
		p.add(d)
		base := p.receiver(decl)
		p.of[base] = append(p.of[base], d)
	}
}

func isInit(f *ast.FuncDecl) bool { return f.Recv == nil && f.Name.Name == "init" }

// indexGenDecl keeps constants together with their group, because iota and
// implicit repetition give a lone specification another value.
func (p *shim) indexGenDecl(decl *ast.GenDecl) {
	if decl.Tok == token.CONST || !decl.Lparen.IsValid() {
		var names []*ast.Ident
		for _, spec := range decl.Specs {
			names = append(names, declared(spec)...)
		}
		p.add(&declaration{node: decl, doc: decl.Doc}, names...)
		return
	}
	for _, spec := range decl.Specs {
		d := &declaration{node: spec, keyword: decl.Tok.String() + " "}
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			d.doc = spec.Doc
		case *ast.ValueSpec:
			d.doc = spec.Doc
		}
		p.add(d, declared(spec)...)
	}
}

func declared(spec ast.Spec) []*ast.Ident {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{spec.Name}
	case *ast.ValueSpec:
		return spec.Names
	}
	return nil // an import
}

func (p *shim) add(d *declaration, names ...*ast.Ident) {
	p.decls = append(p.decls, d)
	for _, name := range names {
		if obj := p.info.Defs[name]; obj != nil {
			d.objects = append(d.objects, obj)
			p.of[obj] = append(p.of[obj], d)
		}
	}
}

func (p *shim) receiver(decl *ast.FuncDecl) types.Object {
	for id := range identifiers(decl.Recv.List[0].Type) {
		if base := p.info.Uses[id]; base != nil {
			return base
		}
	}
	return nil
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
			p.reachFrom(file, identifiers(d.node))
		}
	}
}

func (p *shim) reachFrom(file string, from iter.Seq[*ast.Ident]) {
	for id := range from {
		p.reach(file, p.object(id))
	}
}

// section writes what belongs to an extracted file, and the functions that are made of
// blocks. The packages more are imported in any case.
func (p *shim) section(file string, blocks []*createBlock, more ...string) (*section, error) {
	uses := make(map[string]*ast.Ident)
	for _, importPath := range more {
		uses[importPath] = ast.NewIdent(path.Base(importPath))
	}
	collect := func(from iter.Seq[*ast.Ident]) {
		for id := range from {
			if pkg := p.importPath(id); pkg != "" && p.own[pkg] == nil {
				uses[pkg] = id
				p.uses[pkg] = p.at(id.Pos())
			}
		}
	}
	for _, b := range blocks {
		collect(b.identifiers())
	}
	var decls []*declaration
	for _, d := range p.decls {
		if d.file == file {
			decls = append(decls, d)
			collect(identifiers(d.node))
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

// reserved are the names that the generated files have themselves, and those of the
// function that decoder writes.
var reserved = []string{"creates", "hcsshim", "found", "observe", "throughStdin", "err", "r", "v"}

// settleObjects gives each reached object a name of its own, because several packages
// become one.
func (p *shim) settleObjects() {
	for _, name := range reserved {
		p.taken[name] = true
	}
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
	var b strings.Builder
	fmt.Fprintf(&b, "// From %s, line %d.\n\n", p.file(d.node), p.fset.Position(d.node.Pos()).Line)
	if d.doc != nil {
		for _, c := range d.doc.List {
			if strings.HasPrefix(c.Text, "//go:embed") || strings.HasPrefix(c.Text, "//go:linkname") {
				return "", p.errorf(c, "readOptions reaches a declaration with %s, which works in its own package only",
					strings.Fields(c.Text)[0])
			}
		}
		b.WriteString(p.edited(d.doc, nil) + "\n")
	}
	b.WriteString(d.keyword + p.edited(d.node, p.renamings(d.node)))
	return b.String(), nil
}

// file is the file that a node is in: its name alone if it is one of the shim's own.
func (p *shim) file(n ast.Node) string {
	name := p.fset.Position(n.Pos()).Filename
	if filepath.Dir(name) == filepath.Dir(p.main.GoFiles[0]) {
		return filepath.Base(name)
	}
	return p.relative(name)
}

// at is a position for people.
func (p *shim) at(pos token.Pos) string {
	at := p.fset.Position(pos)
	return p.relative(at.Filename) + ":" + strconv.Itoa(at.Line)
}

// relative is a file's name from the root of the module.
func (p *shim) relative(name string) string {
	if rel, err := filepath.Rel(p.dir, name); err == nil {
		return filepath.ToSlash(rel)
	}
	return name
}

func (p *shim) errorf(at ast.Node, format string, args ...any) error {
	return fmt.Errorf("%s: %s", p.at(at.Pos()), fmt.Sprintf(format, args...))
}

// edit replaces a part of a file's text.
type edit struct {
	from, to token.Pos
	text     string
}

// renamings give the packages and the objects in a node their settled names.
func (p *shim) renamings(n ast.Node) (edits []edit) {
	for n := range ast.Preorder(n) {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && p.own[p.importPath(id)] != nil {
				edits = append(edits, edit{n.Pos(), n.Sel.Pos(), ""})
			}
		case *ast.Ident:
			key := any(cmp.Or(p.object(n), p.info.Defs[n]))
			if pkg := p.importPath(n); pkg != "" {
				key = pkg
			}
			if name, ok := p.names[key]; ok && name != n.Name {
				edits = append(edits, edit{n.Pos(), n.End(), name})
			}
		}
	}
	return edits
}

// edited is the text of a node with some edits in it. Of two that overlap the
// first one is made.
func (p *shim) edited(n ast.Node, edits []edit) string {
	file := p.text[p.fset.Position(n.Pos()).Filename]
	offset := func(pos token.Pos) int { return p.fset.Position(pos).Offset }
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var w strings.Builder
	at := n.Pos()
	for _, e := range edits {
		if e.from >= at && e.to <= n.End() {
			w.Write(file[offset(at):offset(e.from)])
			w.WriteString(e.text)
			at = e.to
		}
	}
	w.Write(file[offset(at):offset(n.End())])
	return w.String()
}

// within reports whether a node, or the declaration of a variable, lies in another node.
func within(what interface{ Pos() token.Pos }, n ast.Node) bool {
	return n.Pos() <= what.Pos() && what.Pos() < n.End()
}
