package extract

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"iter"
	"slices"
	"strings"
)

// creation is what decodes the options in the handling of a CreateTaskRequest,
// with the package-level declarations that readOptions does not reach.
type creation struct {
	extraction
	functions []createFunction
}

// createFunction is made of a place where the options are decoded: it takes the
// request and returns the options that the place goes on with.
type createFunction struct{ name, file string }

// createBlock is such a place: a block "if req.Options != nil" that sets a
// variable of Options.
type createBlock struct {
	function *ast.FuncDecl
	request  *ast.Ident // the parameter
	opts     types.Object
	declares ast.Stmt // opts
	block    *ast.IfStmt
	logging  []ast.Stmt // in the block, and left out
}

// creation writes the functions that are made of the blocks, and what they reach and
// readOptions does not.
func (p *shim) creation(blocks []*createBlock, uses map[string]*ast.Ident, readOptions map[ast.Node]bool) (*creation,
	error) {
	x, err := p.extraction(uses, func(n ast.Node) bool { return !readOptions[n] })
	if err != nil {
		return nil, err
	}
	c := &creation{extraction: *x}
	var functions []string
	for _, b := range blocks {
		name := "createOptionsIn" + strings.ToUpper(b.function.Name.Name[:1]) + b.function.Name.Name[1:]
		functions = append(functions, p.createSource(name, b))
		c.functions = append(c.functions, createFunction{name, p.file(b.block)})
	}
	c.decls = append(functions, c.decls...)
	return c, nil
}

// createBlocks are the places of all functions that take a CreateTaskRequest.
func (p *shim) createBlocks() (all []*createBlock, err error) {
	functions := 0
	for _, f := range p.functions() {
		req := requestOf(f)
		if req == nil {
			continue
		}
		functions++
		blocks, err := p.createBlocksOf(f, req)
		if err != nil {
			return nil, err
		}
		all = append(all, blocks...)
	}
	if len(all) == 0 {
		return nil,
			fmt.Errorf(`no block "if req.Options != nil" sets runhcs Options in the %d functions of %s that take a `+
				"CreateTaskRequest", functions, p.main.PkgPath)
	}
	return all, nil
}

// functions are those of the program's own package.
func (p *shim) functions() (all []*ast.FuncDecl) {
	for _, file := range p.main.Syntax {
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
				all = append(all, f)
			}
		}
	}
	return all
}

// requestOf is the function's parameter of the type *task.CreateTaskRequest, nil
// if it has none.
func requestOf(f *ast.FuncDecl) *ast.Ident {
	for _, field := range f.Type.Params.List {
		star, _ := field.Type.(*ast.StarExpr)
		if star == nil || len(field.Names) == 0 {
			continue
		}
		if s, ok := star.X.(*ast.SelectorExpr); ok && s.Sel.Name == "CreateTaskRequest" {
			return field.Names[0]
		}
	}
	return nil
}

func (p *shim) createBlocksOf(f *ast.FuncDecl, req *ast.Ident) (blocks []*createBlock, err error) {
	compared := make(map[ast.Expr]bool) // with nil
	for n := range ast.Preorder(f.Body) {
		if e, ok := n.(*ast.BinaryExpr); ok && types.ExprString(e.Y) == "nil" {
			compared[e.X] = true
		}
		s, ok := n.(*ast.IfStmt)
		if !ok || !p.testsOptions(s.Cond, req) {
			continue
		}
		b := &createBlock{function: f, request: req, block: s}
		if err := p.complete(b); err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	if len(blocks) > 1 {
		return nil, p.errorf(blocks[1].block, "%s decodes the options twice: want one block", f.Name.Name)
	}
	for n := range ast.Preorder(f.Body) {
		e, ok := n.(ast.Expr)
		inBlock := slices.ContainsFunc(blocks, func(b *createBlock) bool { return within(n, b.block) })
		if ok && !inBlock && !compared[e] && p.isOptions(e, req) {
			return nil, p.errorf(e, `%s uses %s outside a block "if %[2]s != nil"`, f.Name.Name, types.ExprString(e))
		}
	}
	return blocks, nil
}

// testsOptions reports whether an expression is req.Options != nil.
func (p *shim) testsOptions(e ast.Expr, req *ast.Ident) bool {
	cond, ok := e.(*ast.BinaryExpr)
	return ok && cond.Op == token.NEQ && p.isOptions(cond.X, req) && types.ExprString(cond.Y) == "nil"
}

// isOptions reports whether an expression is req.Options, or req.GetOptions().
func (p *shim) isOptions(e ast.Expr, req *ast.Ident) bool {
	name := "Options"
	if call, ok := e.(*ast.CallExpr); ok {
		e, name = call.Fun, "GetOptions"
	}
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	id, ok := s.X.(*ast.Ident)
	return ok && p.object(id) == p.info.Defs[req]
}

// complete finds the rest of what a function is made of: the variable that the
// block sets, its declaration, and what is left out.
func (p *shim) complete(b *createBlock) error {
	for n := range ast.Preorder(b.block) {
		s, ok := n.(*ast.AssignStmt)
		if !ok || s.Tok != token.ASSIGN {
			continue
		}
		for _, e := range s.Lhs {
			if id, ok := e.(*ast.Ident); ok && b.opts == nil {
				b.opts, b.declares = p.optionsVariable(b, id)
			}
		}
	}
	if b.opts == nil {
		return p.errorf(b.block, `%s has a block "if %s" that sets no variable of runhcs Options`, b.function.Name.Name,
			types.ExprString(b.block.Cond))
	}
	results := b.function.Type.Results
	if results == nil || types.ExprString(results.List[len(results.List)-1].Type) != "error" {
		return p.errorf(b.function, "%s decodes the options and returns no error", b.function.Name.Name)
	}
	b.logging = p.loggingIn(b.block)
	for id := range b.identifiers() {
		v, ok := p.object(id).(*types.Var)
		known := v == b.opts || v == p.info.Defs[b.request] || id.Name == "err"
		if ok && !known && within(v, b.function) && !within(v, b.block) {
			return p.errorf(id, "the block that decodes the options uses %s, which %s has from elsewhere", id.Name,
				b.function.Name.Name)
		}
	}
	return nil
}

// optionsVariable returns the variable that an identifier in the block means, and
// its declaration before the block, if that is one of runhcs Options.
func (p *shim) optionsVariable(b *createBlock, id *ast.Ident) (types.Object, ast.Stmt) {
	v := p.object(id)
	for n := range ast.Preorder(b.function.Body) {
		switch n.(type) {
		case *ast.DeclStmt, *ast.AssignStmt:
		default:
			continue
		}
		if n.End() > b.block.Pos() || !p.mentionsOptions(n) {
			continue
		}
		for other := range identifiers(n) {
			if p.info.Defs[other] != nil && p.info.Defs[other] == v {
				return v, n.(ast.Stmt)
			}
		}
	}
	return nil, nil
}

// mentionsOptions reports whether the type of the runhcs Options stands in a node.
func (p *shim) mentionsOptions(n ast.Node) bool {
	for n := range ast.Preorder(n) {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Options" {
			if id, ok := s.X.(*ast.Ident); ok && p.importPath(id) == optionsPackage {
				return true
			}
		}
	}
	return false
}

// loggingIn are the statements in a block that only write to the log: they use a
// package for that, set no variable of the block's, and do not return.
func (p *shim) loggingIn(block *ast.IfStmt) (logging []ast.Stmt) {
	ast.Inspect(block, func(n ast.Node) bool {
		s, ok := n.(ast.Stmt)
		if ok && n != block && p.isLogging(s) {
			logging = append(logging, s)
			return false
		}
		return true
	})
	return logging
}

func (p *shim) isLogging(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.ExprStmt, *ast.IfStmt:
	default:
		return false
	}
	logs := false
	for n := range ast.Preorder(s) {
		switch n := n.(type) {
		case *ast.ReturnStmt:
			return false
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				return false
			}
		case *ast.Ident:
			if pkg, ok := p.object(n).(*types.PkgName); ok {
				name := pkg.Imported().Name()
				logs = logs || name == "log" || name == "logrus"
			}
		}
	}
	return logs
}

// identifiers are those of the new function: not those of what is left out.
func (b *createBlock) identifiers() iter.Seq[*ast.Ident] {
	edits := b.edits()
	return func(yield func(*ast.Ident) bool) {
		for _, n := range []ast.Node{b.requestType(), b.declares, b.block} {
			for id := range identifiers(n) {
				gone := slices.ContainsFunc(edits, func(e edit) bool { return e.from <= id.Pos() && id.Pos() < e.to })
				if !gone && !yield(id) {
					return
				}
			}
		}
	}
}

// identifiersOf are those of all new functions.
func identifiersOf(blocks []*createBlock) (all []iter.Seq[*ast.Ident]) {
	for _, b := range blocks {
		all = append(all, b.identifiers())
	}
	return all
}

// requestType is the type of the request's parameter.
func (b *createBlock) requestType() ast.Expr {
	for _, field := range b.function.Type.Params.List {
		if slices.Contains(field.Names, b.request) {
			return field.Type
		}
	}
	return nil
}

// edits leave the logging out and let the block return as its new function does:
// no options, and the last result, which is the error.
func (b *createBlock) edits() (edits []edit) {
	for _, s := range b.logging {
		edits = append(edits, edit{s.Pos(), s.End(), ""})
	}
	for n := range ast.Preorder(b.block) {
		s, ok := n.(*ast.ReturnStmt)
		if !ok {
			continue
		}
		switch last := len(s.Results) - 1; last {
		case -1:
			edits = append(edits, edit{s.End(), s.End(), " nil, err"})
		case 0:
			edits = append(edits, edit{s.Results[0].Pos(), s.Results[0].Pos(), "nil, "})
		default:
			edits = append(edits, edit{s.Results[0].Pos(), s.Results[last-1].End(), "nil"})
		}
	}
	return edits
}

// createSource is the text of the function that is made of a block.
func (p *shim) createSource(name string, b *createBlock) string {
	at := p.fset.Position(b.block.Pos())
	var w strings.Builder
	fmt.Fprintf(&w, "// From %s, line %d, in %s.\n", p.file(b.block), at.Line, b.function.Name.Name)
	for _, s := range b.logging {
		fmt.Fprintf(&w, "// Left out, because it only writes to the log: line %d.\n", p.fset.Position(s.Pos()).Line)
	}
	text := func(n ast.Node) string { return p.edited(n, append(b.edits(), p.renamings(n)...)) }
	fmt.Fprintf(&w, "func %s(%s %s) (_ *%s.Options, err error) {\n", name, b.request.Name, text(b.requestType()),
		p.names[optionsPackage])
	fmt.Fprintf(&w, "\t%s\n\t%s\n\treturn %s, nil\n}", text(b.declares), text(b.block), b.opts.Name())
	return w.String()
}
