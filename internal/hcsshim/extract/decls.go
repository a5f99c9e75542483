package extract

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// extraction is the function that reads standard input and every package-level
// declaration it reaches.
type extraction struct {
	decls   []string          // source text, in the order of the files
	imports map[string]string // import path to the name it is used by
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
	return pkg.extraction()
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
		info: &types.Info{
			Defs: make(map[*ast.Ident]types.Object),
			Uses: make(map[*ast.Ident]types.Object),
		},
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
		if p.text[name], err = readFile(name); err != nil {
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
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			p.members[s.Sel] = true
		}
		return true
	})
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
	var base types.Object
	ast.Inspect(decl.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && base == nil {
			base = p.info.Uses[id]
		}
		return true
	})
	return base
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

// signature prints a function type with imports under the name the options
// package and io have here, whatever the file calls them.
func (p *shim) signature(f *ast.FuncType) string {
	list := func(fields *ast.FieldList) (out []string) {
		if fields == nil {
			return nil
		}
		for _, field := range fields.List {
			for range max(1, len(field.Names)) {
				out = append(out, p.typeString(field.Type))
			}
		}
		return out
	}
	s := "func(" + strings.Join(list(f.Params), ", ") + ")"
	results := list(f.Results)
	switch len(results) {
	case 0:
		return s
	case 1:
		return s + " " + results[0]
	}
	return s + " (" + strings.Join(results, ", ") + ")"
}

func (p *shim) typeString(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return "*" + p.typeString(e.X)
	case *ast.SelectorExpr:
		if id, ok := e.X.(*ast.Ident); ok {
			if pkg, ok := p.info.Uses[id].(*types.PkgName); ok {
				if pkg.Imported().Path() == optionsPackage {
					return "options." + e.Sel.Name
				}
				return pkg.Imported().Name() + "." + e.Sel.Name
			}
		}
	}
	return types.ExprString(e)
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
	scope := p.scope.Innermost(id.Pos())
	if scope == nil {
		return nil
	}
	_, obj := scope.LookupParent(id.Name, id.Pos())
	return obj
}

// reach marks the declaration of obj and all that it leads to.
func (p *shim) reach(obj types.Object) {
	node, ok := p.decls[obj]
	if !ok || p.reached[node] {
		return
	}
	p.reached[node] = true
	p.reachFrom(node)
	for _, method := range p.methods[obj] {
		p.reached[method] = true
		p.reachFrom(method)
	}
}

func (p *shim) reachFrom(node ast.Node) {
	ast.Inspect(node, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		switch used := p.object(id).(type) {
		case nil:
		case *types.PkgName:
			p.pkgs[used.Imported().Path()] = used.Name()
		default:
			p.reach(used)
		}
		return true
	})
}

func (p *shim) extraction() (*extraction, error) {
	if err := p.checkInits(); err != nil {
		return nil, err
	}
	p.settleNames()
	x := &extraction{imports: p.pkgs}
	nodes := make([]ast.Node, 0, len(p.reached))
	for node := range p.reached {
		nodes = append(nodes, node)
	}
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].Pos() < nodes[j].Pos() })
	for _, node := range nodes {
		text, err := p.source(node)
		if err != nil {
			return nil, err
		}
		x.decls = append(x.decls, text)
	}
	return x, nil
}

// checkInits refuses an init function that sets what readOptions reaches: it
// cannot be told whether it is to run here.
func (p *shim) checkInits() (err error) {
	for _, decl := range p.inits {
		ast.Inspect(decl, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			if v, ok := p.object(id).(*types.Var); ok && p.reached[p.decls[v]] {
				err = fmt.Errorf("%s: init uses %s, which readOptions reaches: shimfuzz does not extract init functions", p.fset.Position(id.Pos()), v.Name())
			}
			return true
		})
	}
	return err
}

// settleNames gives each imported package a name of its own: two files may use
// one name for two packages, as the shim does with errors.
func (p *shim) settleNames() {
	taken := make(map[string]bool)
	for _, importPath := range sortedKeys(p.pkgs) {
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
	start, keyword := node.Pos(), ""
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
	var b strings.Builder
	at := from.Offset
	ast.Inspect(node, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		if pkg, ok := p.object(id).(*types.PkgName); ok {
			offset := p.fset.Position(id.Pos()).Offset
			b.Write(text[at:offset])
			b.WriteString(p.pkgs[pkg.Imported().Path()])
			at = offset + len(id.Name)
		}
		return true
	})
	b.Write(text[at:p.fset.Position(node.End()).Offset])
	switch node.(type) {
	case *ast.TypeSpec:
		keyword = "type "
	case *ast.ValueSpec:
		keyword = "var "
	}
	if keyword != "" { // a specification within parentheses: its doc goes before the keyword
		body := b.String()
		docLength := p.fset.Position(node.Pos()).Offset - from.Offset
		return p.origin(node) + body[:docLength] + keyword + body[docLength:], nil
	}
	return p.origin(node) + b.String(), nil
}

func (p *shim) origin(node ast.Node) string {
	at := p.fset.Position(node.Pos())
	return fmt.Sprintf("// From %s, line %d.\n\n", filepath.Base(at.Filename), at.Line)
}
