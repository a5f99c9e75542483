package extract

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"iter"
	"slices"
	"strings"

	"golang.org/x/tools/go/ast/inspector"
)

// createBlock is a place where the options of a CreateTaskRequest are decoded: a block
// "if req.Options != nil" that sets a variable of Options. A function is made of it, which
// takes the request and returns the options that the place goes on with.
type createBlock struct {
	name     string // of the new function
	file     string // of hcsshim's
	function *ast.FuncDecl
	request  *ast.Field // the parameter
	block    *ast.IfStmt
	opts     *types.Var
	declares ast.Stmt   // opts
	logging  []ast.Stmt // in the block, and left out
	edits    []edit
}

// createBlocks are the places of all functions that take a CreateTaskRequest.
func (p *shim) createBlocks() (all []*createBlock, err error) {
	functions := 0
	for f := range inspector.All[*ast.FuncDecl](inspector.New(p.main.Syntax)) {
		req := p.requestOf(f)
		if req == nil || f.Body == nil {
			continue
		}
		functions++
		b, err := p.createBlockOf(f, req)
		if err != nil {
			return nil, err
		}
		if b != nil {
			all = append(all, b)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf(`no block "if req.Options != nil" sets runhcs Options in the %d functions of %s that `+
			"take a CreateTaskRequest", functions, p.main.PkgPath)
	}
	return all, nil
}

// requestOf is the function's parameter of the type *task.CreateTaskRequest, nil
// if it has none.
func (p *shim) requestOf(f *ast.FuncDecl) *ast.Field {
	i := slices.IndexFunc(f.Type.Params.List, func(field *ast.Field) bool {
		t, ok := p.info.TypeOf(field.Type).(*types.Pointer)
		return ok && len(field.Names) > 0 && strings.HasSuffix(t.String(), ".CreateTaskRequest")
	})
	if i < 0 {
		return nil
	}
	return f.Type.Params.List[i]
}

// createBlockOf is the one place in a function where req.Options is used, other than
// compared with nil.
func (p *shim) createBlockOf(f *ast.FuncDecl, req *ast.Field) (b *createBlock, err error) {
	obj := p.info.Defs[req.Names[0]]
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if err != nil {
			return false
		}
		switch n := n.(type) {
		case *ast.IfStmt:
			if cond, ok := n.Cond.(*ast.BinaryExpr); !ok || cond.Op != token.NEQ || !p.comparesOptions(cond, obj) {
				break
			}
			if b != nil {
				err = p.errorf(n, "%s decodes the options twice: want one block", f.Name.Name)
				return false
			}
			b = &createBlock{function: f, request: req, block: n, file: p.file(n),
				name: "createOptionsIn" + strings.ToUpper(f.Name.Name[:1]) + f.Name.Name[1:]}
			err = p.complete(b)
			return false
		case *ast.BinaryExpr:
			return !p.comparesOptions(n, obj)
		case ast.Expr:
			if p.isRequestOptions(n, obj) {
				err = p.errorf(n, `%s uses %s outside a block "if %[2]s != nil"`, f.Name.Name, types.ExprString(n))
			}
		}
		return true
	})
	return b, err
}

// comparesOptions reports whether an expression is req.Options != nil, or ==.
func (p *shim) comparesOptions(e *ast.BinaryExpr, req types.Object) bool {
	return p.isRequestOptions(e.X, req) && types.ExprString(e.Y) == "nil"
}

// isRequestOptions reports whether an expression is req.Options, or req.GetOptions().
func (p *shim) isRequestOptions(e ast.Expr, req types.Object) bool {
	name := "Options"
	if call, ok := e.(*ast.CallExpr); ok {
		e, name = call.Fun, "GetOptions"
	}
	s, ok := e.(*ast.SelectorExpr)
	if !ok || s.Sel.Name != name {
		return false
	}
	id, ok := s.X.(*ast.Ident)
	return ok && p.object(id) == req
}

// complete finds the rest of what a function is made of: the variable that the
// block sets, its declaration, and what is edited.
func (p *shim) complete(b *createBlock) error {
	name := b.function.Name.Name
	p.findVariable(b)
	if b.declares == nil {
		return p.errorf(b.block, `%s has a block "if %s" that sets no variable of runhcs Options`, name,
			types.ExprString(b.block.Cond))
	}
	results := b.function.Type.Results
	if results == nil || types.ExprString(results.List[len(results.List)-1].Type) != "error" {
		return p.errorf(b.function, "%s decodes the options and returns no error", name)
	}
	p.findEdits(b)
	for id := range b.identifiers() {
		v, ok := p.object(id).(*types.Var)
		known := v == b.opts || v == p.info.Defs[b.request.Names[0]] || id.Name == "err"
		if ok && !known && within(v, b.function) && !within(v, b.block) {
			return p.errorf(id, "the block that decodes the options uses %s, which %s has from elsewhere", id.Name,
				name)
		}
	}
	return nil
}

// findVariable finds the variable of Options that the block sets, and the innermost
// statement before it that declares this variable.
func (p *shim) findVariable(b *createBlock) {
	for s := range ast.Preorder(b.block) {
		assign, ok := s.(*ast.AssignStmt)
		if !ok || assign.Tok != token.ASSIGN {
			continue
		}
		for _, e := range assign.Lhs {
			id, _ := e.(*ast.Ident)
			v, ok := p.info.Uses[id].(*types.Var)
			if ok && isOptions(v.Type()) && !within(v, b.block) && b.opts == nil {
				b.opts = v
			}
		}
	}
	if b.opts == nil {
		return
	}
	for n := range ast.Preorder(b.function.Body) {
		if s, ok := n.(ast.Stmt); ok && within(b.opts, s) && n != b.function.Body {
			b.declares = s
		}
	}
}

// findEdits finds the edits that leave the logging out and let the block return as its
// new function does: no options, and the last result, which is the error.
func (p *shim) findEdits(b *createBlock) {
	ast.Inspect(b.block, func(n ast.Node) bool {
		switch s := n.(type) {
		case *ast.ExprStmt, *ast.IfStmt:
			if n != b.block && p.onlyLogs(n) {
				b.logging = append(b.logging, n.(ast.Stmt))
				b.edits = append(b.edits, edit{n.Pos(), n.End(), ""})
				return false
			}
		case *ast.ReturnStmt:
			switch last := len(s.Results) - 1; last {
			case -1:
				b.edits = append(b.edits, edit{s.End(), s.End(), " nil, err"})
			case 0:
				b.edits = append(b.edits, edit{s.Results[0].Pos(), s.Results[0].Pos(), "nil, "})
			default:
				b.edits = append(b.edits, edit{s.Results[0].Pos(), s.Results[last-1].End(), "nil"})
			}
		}
		return true
	})
}

// onlyLogs reports whether a statement only writes to the log: it uses a package for
// that, sets no variable of the block's, and does not return.
func (p *shim) onlyLogs(s ast.Node) (logs bool) {
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
	return func(yield func(*ast.Ident) bool) {
		for _, n := range []ast.Node{b.request.Type, b.declares, b.block} {
			for id := range identifiers(n) {
				gone := slices.ContainsFunc(b.edits, func(e edit) bool { return e.from <= id.Pos() && id.Pos() < e.to })
				if !gone && !yield(id) {
					return
				}
			}
		}
	}
}

// createSource is the text of the function that is made of a block.
func (p *shim) createSource(b *createBlock) string {
	line := func(n ast.Node) int { return p.fset.Position(n.Pos()).Line }
	var w strings.Builder
	fmt.Fprintf(&w, "// From %s, line %d, in %s.\n", b.file, line(b.block), b.function.Name.Name)
	for _, s := range b.logging {
		fmt.Fprintf(&w, "// Left out, because it only writes to the log: line %d.\n", line(s))
	}
	text := func(n ast.Node) string { return p.edited(n, slices.Concat(b.edits, p.renamings(n))) }
	fmt.Fprintf(&w, "func %s(%s %s) (_ *%s.Options, err error) {\n\t%s\n\t%s\n\treturn %s, nil\n}", b.name,
		b.request.Names[0].Name, text(b.request.Type), p.names[optionsPackage], text(b.declares), text(b.block),
		b.opts.Name())
	return w.String()
}
