package extract

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"golang.org/x/tools/go/ast/astutil"
)

// createBlock is a place where the options of a CreateTaskRequest are decoded: a block
// "if req.Options != nil" that sets a variable of Options. A function is made of it, which
// takes the request and returns the options that the place goes on with.
type createBlock struct {
	function *ast.FuncDecl
	request  *ast.Field // the parameter
	block    *ast.IfStmt
	opts     *types.Var
	declares ast.Stmt // opts
}

// createSource is the file with the functions that are made of blocks.
func (p *program) createSource() ([]byte, error) {
	blocks, err := p.createBlocks()
	if err != nil {
		return nil, err
	}
	elements, functions := "", ""
	for _, b := range blocks {
		elements += fmt.Sprintf("{File: %q, Read: hcsshim.OfRequest(%s)},\n", p.file(b.block), b.name())
		functions += "\n" + p.function(b) + "\n"
	}
	return p.generated("", "var creates []hcsshim.Create\n\nfunc init() {\ncreates = []hcsshim.Create{\n"+elements+
		"}\n}\n"+functions+p.reached(createFile))
}

// createBlocks are the places of all functions that take a CreateTaskRequest.
func (p *program) createBlocks() (all []*createBlock, err error) {
	for _, d := range p.decls {
		f, ok := d.node.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		for _, req := range f.Type.Params.List {
			if len(req.Names) == 0 || !strings.HasSuffix(types.ExprString(req.Type), ".CreateTaskRequest") {
				continue
			}
			b := &createBlock{function: f, request: req}
			if err := p.find(b); err != nil {
				return nil, err
			}
			if b.block != nil {
				all = append(all, b)
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf(`no function of %s that takes a CreateTaskRequest has a block "if req.Options != nil" `+
			"that sets runhcs Options", p.main.PkgPath)
	}
	return all, nil
}

// find finds what the new function is made of, if the function has a block.
func (p *program) find(b *createBlock) error {
	if err := p.findBlock(b); err != nil || b.block == nil {
		return err
	}
	if p.findVariable(b); b.declares == nil {
		return p.errorf(b.block, `%s has a block "if %s" that sets no variable of runhcs Options`, b.function.Name.Name,
			types.ExprString(b.block.Cond))
	}
	p.edit(b.block)
	for _, n := range []ast.Node{b.request.Type, b.declares, b.block} {
		p.reach(createFile, n)
	}
	return nil
}

// findBlock finds the one place in the function where req.Options is used, other than
// compared with nil, if there is one.
func (p *program) findBlock(b *createBlock) (err error) {
	name := b.function.Name.Name
	options := regexp.MustCompile(`^` + b.request.Names[0].Name + `\.(?:Options|GetOptions\(\))( [!=]= nil)?$`)
	ast.Inspect(b.function.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			if m := options.FindStringSubmatch(types.ExprString(n.Cond)); m == nil || m[1] != " != nil" {
				break
			}
			if b.block != nil {
				err = cmp.Or(err, p.errorf(n, "%s decodes the options twice: want one block", name))
			}
			b.block = n
			return false
		case ast.Expr:
			m := options.FindStringSubmatch(types.ExprString(n))
			if m != nil && m[1] == "" {
				err = cmp.Or(err, p.errorf(n, `%s uses %s outside a block "if %[2]s != nil"`, name, m[0]))
			}
			return m == nil
		}
		return true
	})
	return err
}

// findVariable finds the variable of Options that the block sets, and the innermost
// statement that declares this variable.
func (p *program) findVariable(b *createBlock) {
	for n := range ast.Preorder(b.block) {
		assign, ok := n.(*ast.AssignStmt)
		if !ok {
			continue
		}
		for _, e := range assign.Lhs {
			id, _ := e.(*ast.Ident)
			if v, ok := p.object(id).(*types.Var); ok && isOptions(v.Type()) && !within(v, b.block) {
				b.opts = v
			}
		}
	}
	for n := range ast.Preorder(b.function.Body) {
		if s, ok := n.(ast.Stmt); ok && b.opts != nil && within(b.opts, s) && s != b.function.Body {
			b.declares = s
		}
	}
}

// within reports whether a node, or the declaration of a variable, lies in another node.
func within(what positioned, n ast.Node) bool { return n.Pos() <= what.Pos() && what.Pos() < n.End() }

// edit leaves the logging out of a block, and lets it return as its new function does:
// no options, and the last result, which is the error.
func (p *program) edit(block *ast.IfStmt) {
	astutil.Apply(block, func(c *astutil.Cursor) bool {
		switch n := c.Node().(type) {
		case *ast.ExprStmt, *ast.IfStmt:
			if c.Index() >= 0 && p.onlyLogs(n) {
				c.Delete()
				return false
			}
		case *ast.ReturnStmt:
			last := ast.Expr(&ast.Ident{Name: "err", NamePos: n.Return})
			if len(n.Results) > 0 {
				last = n.Results[len(n.Results)-1]
			}
			n.Results = []ast.Expr{&ast.Ident{Name: "nil", NamePos: n.Return}, last}
		}
		return true
	}, nil)
}

// onlyLogs reports whether a statement only writes to the log: it uses a package for
// that, sets no variable of the block's, and does not return.
func (p *program) onlyLogs(s ast.Node) (logs bool) {
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

// name is that of the new function.
func (b *createBlock) name() string {
	name := b.function.Name.Name
	return "createOptionsIn" + strings.ToUpper(name[:1]) + name[1:]
}

// function is the text of the new function.
func (p *program) function(b *createBlock) string {
	return fmt.Sprintf("// From %s, line %d, in %s, without what only writes to the log.\n"+
		"func %s(%s %s) (_ *%s.Options, err error) {\n\t%s\n\t%s\n\treturn %s, nil\n}",
		p.file(b.block), p.position(b.block).Line, b.function.Name.Name, b.name(), b.request.Names[0].Name,
		p.text(b.request.Type, nil), p.use(optionsPackage, "options"), p.text(b.declares, nil), p.text(b.block, nil),
		b.opts.Name())
}
