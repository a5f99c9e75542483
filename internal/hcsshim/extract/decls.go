package extract

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
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
)

// extraction is the function that reads standard input and every package-level
// declaration it reaches.
type extraction struct {
	decls   []string          // source text, in the order of the files
	imports map[string]string // import path to the name it is used by
	create  *creation         // nil if that is not asked for
}

// allImports are those of all extracted files.
func (x *extraction) allImports() map[string]string {
	all := maps.Clone(x.imports)
	if x.create != nil {
		maps.Copy(all, x.create.imports)
	}
	return all
}

// extractDecls parses the shim's package in dir and walks from the function that
// reads standard input. names gives the package name of an import path whose last
// element is not it.
func extractDecls(s Shim, dir string, names map[string]string) (*extraction, error) {
	pkg, err := parsePackage(s, dir, names)
	if err != nil {
		return nil, err
	}
	root, err := pkg.root(s)
	if err != nil {
		return nil, err
	}
	pkg.reach(root)
	x, err := pkg.extraction()
	if err == nil && s.create {
		x.create, err = pkg.creation()
	}
	return x, err
}

// shim is the parsed and, as far as that needs no imports, resolved package.
type shim struct {
	dir     string
	fset    *token.FileSet
	text    map[string][]byte
	info    *types.Info
	scope   *types.Scope
	decls   map[types.Object]ast.Node // package-level object to what declares it
	methods map[types.Object][]*ast.FuncDecl
	reached map[ast.Node]bool
	pkgs    map[string]string // import path to the name it is to be used by
	docs    map[ast.Node]*ast.CommentGroup
	inits   []*ast.FuncDecl
	members map[*ast.Ident]bool // the x of a.x, which is no name in scope
}

func parsePackage(s Shim, dir string, names map[string]string) (*shim, error) {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = "windows", "amd64", false
	ctx.BuildTags = []string{s.tag}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	p := &shim{
		dir:     dir,
		fset:    token.NewFileSet(),
		text:    make(map[string][]byte),
		decls:   make(map[types.Object]ast.Node),
		methods: make(map[types.Object][]*ast.FuncDecl),
		reached: make(map[ast.Node]bool),
		pkgs:    make(map[string]string),
		docs:    make(map[ast.Node]*ast.CommentGroup),
		members: make(map[*ast.Ident]bool),
		info:    &types.Info{Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object)},
	}
	var parsed []*ast.File
	for _, name := range files {
		match, err := ctx.MatchFile(dir, filepath.Base(name))
		if err != nil {
			return nil, err
		}
		if !match || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if p.text[name], err = os.ReadFile(name); err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(p.fset, name, p.text[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, file)
	}
	if len(parsed) == 0 {
		return nil, fmt.Errorf("no Go files for Windows in %s", dir)
	}
	// Only the package's own names matter here, so nothing is imported and
	// the errors that follow from that are of no interest; whether the
	// extracted text compiles is the compiler's to say.
	config := types.Config{Importer: emptyImporter(names), Error: func(error) {}}
	pkg, _ := config.Check("main", p.fset, parsed, p.info)
	p.scope = pkg.Scope()
	for _, file := range parsed {
		p.index(file)
	}
	return p, nil
}

// emptyImporter imports every path as a package of the right name without
// declarations.
type emptyImporter map[string]string

func (names emptyImporter) Import(importPath string) (*types.Package, error) {
	name, ok := names[importPath]
	if !ok {
		name = path.Base(importPath)
	}
	pkg := types.NewPackage(importPath, name)
	pkg.MarkComplete()
	return pkg, nil
}

func (p *shim) index(file *ast.File) {
	for n := range ast.Preorder(file) {
		if s, ok := n.(*ast.SelectorExpr); ok {
			p.members[s.Sel] = true
		}
	}
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

// root finds the function that reads standard input and holds its signature to
// what the suite can call.
func (p *shim) root(s Shim) (types.Object, error) {
	obj := p.scope.Lookup(s.function)
	decl, ok := p.decls[obj].(*ast.FuncDecl)
	if obj == nil || !ok {
		return nil, fmt.Errorf("no function %s in %s", s.function, p.dir)
	}
	if got := p.signature(decl.Type); got != s.signature {
		return nil, fmt.Errorf("%s: %s has another signature: %s instead of %s", p.fset.Position(decl.Pos()), s.function, got, s.signature)
	}
	return obj, nil
}

// signature prints a function type without names of its parameters, and with
// imports under their own names, whatever the file calls them.
func (p *shim) signature(f *ast.FuncType) string {
	text := types.ExprString(&ast.FuncType{Params: unnamed(f.Params), Results: unnamed(f.Results)})
	for id := range identifiers(f) {
		if pkg, ok := p.info.Uses[id].(*types.PkgName); ok {
			text = strings.Replace(text, id.Name+".", path.Base(pkg.Imported().Path())+".", 1)
		}
	}
	return text
}

func unnamed(fields *ast.FieldList) *ast.FieldList {
	list := new(ast.FieldList)
	if fields != nil {
		for _, field := range fields.List {
			list.List = append(list.List, slices.Repeat([]*ast.Field{{Type: field.Type}}, max(1, len(field.Names)))...)
		}
	}
	return list
}

// object is what an identifier means, nil if that is not known. Without imports
// the type checker gives up on expressions of imported types and leaves the
// names in them alone, so those are looked up in the scopes around them.
func (p *shim) object(id *ast.Ident) types.Object {
	if obj := p.info.Uses[id]; obj != nil {
		return obj
	}
	if p.info.Defs[id] != nil || p.members[id] {
		return nil
	}
	if scope := p.scope.Innermost(id.Pos()); scope != nil {
		_, obj := scope.LookupParent(id.Name, id.Pos())
		return obj
	}
	return nil
}

// reach marks the declaration of obj and all that it leads to.
func (p *shim) reach(obj types.Object) {
	node, ok := p.decls[obj]
	if !ok || p.reached[node] {
		return
	}
	p.reached[node] = true
	p.reachFrom(identifiers(node))
	for _, method := range p.methods[obj] {
		p.reached[method] = true
		p.reachFrom(identifiers(method))
	}
}

func (p *shim) reachFrom(identifiers iter.Seq[*ast.Ident]) {
	for id := range identifiers {
		switch used := p.object(id).(type) {
		case nil:
		case *types.PkgName:
			p.pkgs[used.Imported().Path()] = used.Name()
		default:
			p.reach(used)
		}
	}
}

func (p *shim) extraction() (*extraction, error) {
	if err := p.checkInits(); err != nil {
		return nil, err
	}
	p.settleNames()
	x := &extraction{imports: p.pkgs}
	for _, node := range inOrder(p.reached) {
		text, err := p.source(node)
		if err != nil {
			return nil, err
		}
		x.decls = append(x.decls, text)
	}
	return x, nil
}

// inOrder are the nodes that are keys, in the order of the files.
func inOrder[V any](nodes map[ast.Node]V) []ast.Node {
	return slices.SortedFunc(maps.Keys(nodes), func(a, b ast.Node) int { return int(a.Pos() - b.Pos()) })
}

// checkInits refuses an init function that sets what readOptions reaches: it
// cannot be told whether it is to run here.
func (p *shim) checkInits() error {
	for _, decl := range p.inits {
		for id := range identifiers(decl) {
			if v, ok := p.object(id).(*types.Var); ok && p.reached[p.decls[v]] {
				return fmt.Errorf("%s: init uses %s, which readOptions reaches: shimfuzz does not extract init functions", p.fset.Position(id.Pos()), v.Name())
			}
		}
	}
	return nil
}

// settleNames gives each imported package a name of its own: two files may use
// one name for two packages, as the shim does with errors.
func (p *shim) settleNames() {
	taken := make(map[string]bool)
	for _, importPath := range slices.Sorted(maps.Keys(p.pkgs)) {
		name := p.pkgs[importPath]
		for n := 2; taken[name]; n++ {
			name = p.pkgs[importPath] + strconv.Itoa(n)
		}
		taken[name] = true
		p.pkgs[importPath] = name
	}
}

// source returns the text of a declaration, doc comment included, with imported
// packages under their settled names.
func (p *shim) source(node ast.Node) (string, error) {
	start := node.Pos()
	if doc := p.docs[node]; doc != nil {
		start = doc.Pos()
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed") || strings.HasPrefix(c.Text, "//go:linkname") {
				return "", fmt.Errorf("%s: readOptions reaches a declaration with %s, which works in its own package only", p.fset.Position(c.Pos()), strings.Fields(c.Text)[0])
			}
		}
	}
	from := p.fset.Position(start)
	text := p.text[from.Filename]
	at := from.Offset
	var b strings.Builder
	fmt.Fprintf(&b, "// From %s, line %d.\n\n", filepath.Base(from.Filename), p.fset.Position(node.Pos()).Line)
	copyTo := func(pos token.Pos) {
		to := p.fset.Position(pos).Offset
		b.Write(text[at:to])
		at = to
	}
	switch node.(type) { // a specification within parentheses: its doc goes before the keyword
	case *ast.TypeSpec:
		copyTo(node.Pos())
		b.WriteString("type ")
	case *ast.ValueSpec:
		copyTo(node.Pos())
		b.WriteString("var ")
	}
	for id := range identifiers(node) {
		if pkg, ok := p.object(id).(*types.PkgName); ok {
			copyTo(id.Pos())
			b.WriteString(p.pkgs[pkg.Imported().Path()])
			at += len(id.Name)
		}
	}
	copyTo(node.End())
	return b.String(), nil
}
