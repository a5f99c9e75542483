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
	decoder string            // the function as a readOptions, an expression
	entry   string            // which function that is, for people; "" is the usual one
	decls   []string          // source text
	imports map[string]string // import path to the name it is used by
	uses    map[string]string // import path to a place that uses it
	create  *creation         // nil if that is not asked for
}

// allUses are those of all extracted files.
func (x *extraction) allUses() map[string]string {
	all := maps.Clone(x.uses)
	if x.create != nil {
		maps.Copy(all, x.create.uses)
	}
	return all
}

// extractDecls walks from the function of a shim that reads standard input.
func extractDecls(s Shim, p *shim) (*extraction, error) {
	e, err := p.entry(s)
	if err != nil {
		return nil, err
	}
	uses := p.reachFrom(identifiers(p.identifier(e)))
	for _, importPath := range e.imports() {
		if uses[importPath] == nil {
			uses[importPath] = ast.NewIdent(path.Base(importPath))
		}
	}
	readOptions := maps.Clone(p.reached)
	var blocks []*createBlock
	var createUses map[string]*ast.Ident
	if s.create {
		if blocks, err = p.createBlocks(); err != nil {
			return nil, err
		}
		createUses = p.reachFrom(identifiersOf(blocks)...)
	}
	p.settleObjects()
	x, err := p.extraction(uses, func(n ast.Node) bool { return readOptions[n] })
	if err != nil {
		return nil, err
	}
	x.entry, x.decoder = e.description, p.decoder(e)
	if s.create {
		x.create, err = p.creation(blocks, createUses, readOptions)
	}
	return x, err
}

// shim is a shim's program for Windows: the packages of hcsshim's that it is made of.
type shim struct {
	dir     string            // the module's root
	main    *packages.Package // of the program
	own     map[string]*packages.Package
	fset    *token.FileSet
	text    map[string][]byte
	info    types.Info                // of all of own
	decls   map[types.Object]ast.Node // package-level object to what declares it
	methods map[types.Object][]*ast.FuncDecl
	reached map[ast.Node]bool
	names   map[any]string // what an object, and an import path, is called where it is copied to
	taken   map[string]bool
	docs    map[ast.Node]*ast.CommentGroup
	inits   []*ast.FuncDecl
}

// load parses hcsshim's own packages among deps, and finds out the types of all in them.
// A package that cannot be had leaves what uses it without a type, and is no error here.
func load(s *Source, tag string, deps []*goPackage) ([]*packages.Package, error) {
	var own []string
	for _, p := range deps {
		if p.Module != nil && p.Module.Main {
			own = append(own, p.ImportPath)
		}
	}
	pkgs, err := packages.Load(&packages.Config{
		Mode:       packages.LoadAllSyntax,
		Dir:        s.Dir,
		Env:        append(gocmd.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"),
		BuildFlags: []string{"-mod=readonly", "-tags=" + tag},
	}, own...)
	if err != nil {
		return nil, fmt.Errorf("reading the packages of %s: %s", s.Name, gocmd.OneLine(err.Error()))
	}
	return pkgs, nil
}

// newShim indexes the program with this import path among pkgs. Of packages that
// register message types no declarations are taken: these are linked as they are.
func newShim(s *Source, main string, pkgs []*packages.Package, deps []*goPackage) (*shim, error) {
	p := &shim{
		dir:     s.Dir,
		own:     make(map[string]*packages.Package),
		text:    make(map[string][]byte),
		decls:   make(map[types.Object]ast.Node),
		methods: make(map[types.Object][]*ast.FuncDecl),
		reached: make(map[ast.Node]bool),
		names:   make(map[any]string),
		taken:   make(map[string]bool),
		docs:    make(map[ast.Node]*ast.CommentGroup),
		info: types.Info{Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
			Types: make(map[ast.Expr]types.TypeAndValue)},
	}
	registers := make(map[string]bool)
	for _, d := range deps {
		registers[d.ImportPath] = d.registers() || d.registersJSON()
	}
	for _, pkg := range pkgs {
		if pkg.PkgPath == main {
			p.main, p.fset = pkg, pkg.Fset
		} else if pkg.Name == "main" || registers[pkg.PkgPath] {
			continue
		}
		p.own[pkg.PkgPath] = pkg
		if err := p.index(pkg); err != nil {
			return nil, err
		}
	}
	if p.main == nil {
		return nil, fmt.Errorf("no package %s", main)
	}
	for _, e := range p.main.Errors {
		if e.Kind != packages.TypeError { // whether it compiles is the compiler's to say
			return nil, fmt.Errorf("%s: %s", e.Pos, gocmd.OneLine(e.Msg))
		}
	}
	return p, nil
}

func (p *shim) index(pkg *packages.Package) error {
	maps.Copy(p.info.Defs, pkg.TypesInfo.Defs)
	maps.Copy(p.info.Uses, pkg.TypesInfo.Uses)
	maps.Copy(p.info.Types, pkg.TypesInfo.Types)
	for _, file := range pkg.Syntax {
		name := pkg.Fset.File(file.Pos()).Name()
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		p.text[name] = text
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				p.docs[decl] = decl.Doc
				if decl.Recv == nil && decl.Name.Name == "init" {
					p.inits = append(p.inits, decl)
				} else if decl.Recv == nil {
					p.decls[p.info.Defs[decl.Name]] = decl
				} else if base := p.receiver(decl); base != nil {
					p.methods[base] = append(p.methods[base], decl)
				}
			case *ast.GenDecl:
				p.indexGenDecl(decl)
			}
		}
	}
	return nil
}

// indexGenDecl keeps constants together with their group, because iota and
// implicit repetition give a lone specification another value.
func (p *shim) indexGenDecl(decl *ast.GenDecl) {
	p.docs[decl] = decl.Doc
	for _, spec := range decl.Specs {
		var node ast.Node = spec
		if decl.Tok == token.CONST || !decl.Lparen.IsValid() {
			node = decl
		}
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			p.docs[spec] = spec.Doc
			p.decls[p.info.Defs[spec.Name]] = node
		case *ast.ValueSpec:
			p.docs[spec] = spec.Doc
			for _, name := range spec.Names {
				p.decls[p.info.Defs[name]] = node
			}
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

// reachFrom marks the declarations that identifiers lead to, and the init functions
// that may set what these read. It returns the packages
// that are used on the way, with the identifier that uses each, but for those whose
// declarations are marked.
func (p *shim) reachFrom(from ...iter.Seq[*ast.Ident]) map[string]*ast.Ident {
	uses := make(map[string]*ast.Ident)
	for len(from) > 0 {
		for id := range from[0] {
			if pkg := p.importPath(id); pkg != "" && p.own[pkg] == nil {
				uses[pkg] = id
			}
			from = append(from, p.reach(p.object(id))...)
		}
		if from = from[1:]; len(from) == 0 {
			from = p.reachInits()
		}
	}
	return uses
}

// reach marks the declaration of obj, and returns the identifiers in it and in those
// of its methods.
func (p *shim) reach(obj types.Object) (next []iter.Seq[*ast.Ident]) {
	node, ok := p.decls[obj]
	if !ok {
		return nil
	}
	nodes := []ast.Node{node}
	for _, method := range p.methods[obj] {
		nodes = append(nodes, method)
	}
	for _, n := range nodes {
		if !p.reached[n] {
			p.reached[n] = true
			next = append(next, identifiers(n))
		}
	}
	return next
}

// extraction writes the reached declarations that keep wants.
func (p *shim) extraction(uses map[string]*ast.Ident, keep func(ast.Node) bool) (*extraction, error) {
	p.settleImports(uses)
	x := &extraction{imports: make(map[string]string), uses: make(map[string]string)}
	for importPath, id := range uses {
		x.imports[importPath] = p.names[importPath]
		x.uses[importPath] = p.at(id.Pos())
	}
	for _, node := range slices.SortedFunc(maps.Keys(p.reached), func(a, b ast.Node) int { return p.compare(a, b) }) {
		if !keep(node) {
			continue
		}
		text, err := p.source(node)
		if err != nil {
			return nil, err
		}
		x.decls = append(x.decls, text)
	}
	return x, nil
}

// reachInits marks the init functions that use a variable that is marked.
func (p *shim) reachInits() (next []iter.Seq[*ast.Ident]) {
	for _, decl := range p.inits {
		for id := range identifiers(decl) {
			if v, ok := p.object(id).(*types.Var); ok && p.reached[p.decls[v]] && !p.reached[decl] {
				p.reached[decl] = true
				next = append(next, identifiers(decl))
			}
		}
	}
	return next
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
	for _, obj := range slices.SortedFunc(maps.Keys(p.decls), func(a, b types.Object) int { return p.compare(a, b) }) {
		if p.reached[p.decls[obj]] {
			p.settle(obj, obj.Name(), p.taken)
		}
	}
}

// settleImports gives each package that a file imports a name of its own: two files of
// hcsshim's may use one name for two packages, as the shim does with errors.
func (p *shim) settleImports(uses map[string]*ast.Ident) {
	taken := maps.Clone(p.taken)
	for _, importPath := range slices.Sorted(maps.Keys(uses)) {
		p.settle(importPath, uses[importPath].Name, taken)
	}
}

func (p *shim) settle(key any, name string, taken map[string]bool) {
	p.names[key] = name
	for n := 2; taken[p.names[key]]; n++ {
		p.names[key] = name + strconv.Itoa(n)
	}
	taken[p.names[key]] = name != "_"
}

// source returns the text of a declaration, doc comment included.
func (p *shim) source(node ast.Node) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "// From %s, line %d.\n\n", p.file(node), p.fset.Position(node.Pos()).Line)
	if doc := p.docs[node]; doc != nil {
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed") || strings.HasPrefix(c.Text, "//go:linkname") {
				return "", p.errorf(c, "readOptions reaches a declaration with %s, which works in its own package only",
					strings.Fields(c.Text)[0])
			}
		}
		b.WriteString(p.edited(doc, nil) + "\n")
	}
	switch node.(type) { // a specification within parentheses
	case *ast.TypeSpec:
		b.WriteString("type ")
	case *ast.ValueSpec:
		b.WriteString("var ")
	}
	b.WriteString(p.edited(node, p.renamings(node)))
	return b.String(), nil
}

// compare orders what is declared: the program's own package is first, and files are in
// the order of their names, which is not the one in which they were parsed.
func (p *shim) compare(a, b interface{ Pos() token.Pos }) int {
	x, y := p.fset.Position(a.Pos()), p.fset.Position(b.Pos())
	return cmp.Or(cmp.Compare(p.rank(x.Filename), p.rank(y.Filename)), cmp.Compare(x.Filename, y.Filename),
		cmp.Compare(x.Offset, y.Offset))
}

// file is the file that a node is in: its name alone if it is one of the shim's own.
func (p *shim) file(n ast.Node) string {
	name := p.fset.Position(n.Pos()).Filename
	if p.rank(name) == 0 {
		return filepath.Base(name)
	}
	return p.relative(name)
}

// at is a position for people.
func (p *shim) at(pos token.Pos) string {
	at := p.fset.Position(pos)
	return p.relative(at.Filename) + ":" + strconv.Itoa(at.Line)
}

// rank is 0 for the files of the program's own package, and 1 for others.
func (p *shim) rank(file string) int {
	if filepath.Dir(file) == filepath.Dir(p.main.GoFiles[0]) {
		return 0
	}
	return 1
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
	var w strings.Builder
	at := n.Pos()
	for _, e := range slices.SortedStableFunc(slices.Values(edits), func(a,
		b edit) int {
		return cmp.Compare(a.from, b.from)
	}) {
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
