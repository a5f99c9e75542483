package extract

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

// entry is the function under test, and how it is called as a readOptions.
type entry struct {
	object      types.Object  // the function, or a variable that holds it; nil if it has no name
	call        *ast.CallExpr // that hands standard input to it; nil if there is none, but the user's word
	args        []string      // those of the call if there is none
	observed    bool          // it does not return the options
	field       string        // of the struct that it returns, with the options; "" if it returns these
	pointer     bool          // it returns the struct's address
	replaced    map[ast.Node]replacement
	description string // for people, "" if it is the usual readOptions
}

// replacement is what stands for an expression that means something only where it is:
// a format, for the text of a node.
type replacement struct {
	format string
	node   ast.Node // nil if there is none
}

// entry finds the function: the user's choice, or the one that standard input is
// handed to and that returns the options.
func (p *shim) entry(s Shim) (*entry, error) {
	if s.observed != "" {
		return p.observedEntry(s)
	}
	calls := p.stdinCalls()
	var found []*entry
	for _, call := range calls {
		e := &entry{call: call, object: p.callee(call), replaced: make(map[ast.Node]replacement)}
		if fits, err := p.setResult(e, p.info.TypeOf(call)); err != nil {
			return nil, err
		} else if fits && !slices.ContainsFunc(found, func(other *entry) bool { return e.object != nil && other.object == e.object }) {
			found = append(found, e)
		}
	}
	if s.entry != "" {
		return p.chosenEntry(s.entry, found)
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("no function of hcsshim's is found that is handed os.Stdin and returns (*options.Options, error), or a struct with the options and an error: %s; ENTRY=package.Func chooses one", p.handed(calls))
	case len(found) > 1:
		var names []string
		for _, e := range found {
			names = append(names, fmt.Sprintf("%s (%s)", p.name(e.object), p.at(e.call.Pos())))
		}
		return nil, fmt.Errorf("os.Stdin is handed to %d functions that return options: %s; ENTRY=package.Func chooses one", len(found), strings.Join(names, ", "))
	}
	e := found[0]
	if err := p.inlineCall(e); err != nil {
		return nil, err
	}
	if p.name(e.object) != s.usual() || !p.isDirect(e) {
		e.description = fmt.Sprintf("%s, which is handed os.Stdin at %s", p.name(e.object), p.at(e.call.Pos()))
	}
	return e, nil
}

// observedEntry is the function of a shim that has none that returns the options.
func (p *shim) observedEntry(s Shim) (*entry, error) {
	obj, _ := p.main.Types.Scope().Lookup(s.observed).(*types.Func)
	if obj == nil {
		return nil, fmt.Errorf("no function %s in %s", s.observed, p.main.PkgPath)
	}
	if got := obj.Signature().String(); got != "func() error" {
		return nil, fmt.Errorf("%s: %s has another signature: %s instead of func() error", p.at(obj.Pos()), s.observed, got)
	}
	return &entry{object: obj, observed: true}, nil
}

// chosenEntry is the function that the user names, as it is called if it is handed
// standard input, and else by what its parameters are.
func (p *shim) chosenEntry(name string, found []*entry) (*entry, error) {
	e := &entry{description: name + ", which ENTRY has chosen"}
	if i := slices.IndexFunc(found, func(e *entry) bool { return p.name(e.object) == name }); i >= 0 {
		found[i].description = e.description
		return found[i], p.inlineCall(found[i])
	}
	dir, function := path.Split(name)
	base, function, _ := strings.Cut(function, ".")
	pkg := p.own[path.Join(hcsshimModule, dir, base)]
	if pkg == nil {
		return nil, fmt.Errorf("ENTRY=%s: the shim has no package %s: want one such as %s", name, path.Join(dir, base), p.name(p.main.Types.Scope().Lookup("main")))
	}
	e.object = pkg.Types.Scope().Lookup(function)
	if e.object == nil {
		return nil, fmt.Errorf("ENTRY=%s: no function %s in %s", name, function, pkg.PkgPath)
	}
	sig, ok := e.object.Type().Underlying().(*types.Signature)
	if !ok || sig.TypeParams() != nil {
		return nil, fmt.Errorf("ENTRY=%s: %s is %s: want a function without type parameters, or one that is handed os.Stdin", name, p.at(e.object.Pos()), short(e.object.Type()))
	}
	if fits, err := p.setResult(e, sig.Results()); err != nil || !fits {
		return nil, fmt.Errorf("ENTRY=%s: %s returns %s: want (*options.Options, error), or a struct with the options and an error", name, p.at(e.object.Pos()), short(sig.Results()))
	}
	for v := range sig.Params().Variables() {
		switch v.Type().String() {
		case "io.Reader":
			e.args = append(e.args, "r")
		case contextType:
			e.args = append(e.args, background)
		default:
			return nil, fmt.Errorf("ENTRY=%s: %s takes %s %s: want an io.Reader and contexts", name, p.at(e.object.Pos()), v.Name(), short(v.Type()))
		}
	}
	return e, nil
}

const (
	contextType = "context.Context"
	background  = "context.Background()"
)

// name is that of a function as ENTRY takes it.
func (p *shim) name(obj types.Object) string {
	if obj == nil {
		return "a function without a name"
	}
	name := obj.Name()
	if f, ok := obj.(*types.Func); ok && f.Signature().Recv() != nil {
		recv := short(f.Signature().Recv().Type())
		name = recv[strings.LastIndex(recv, ".")+1:] + "." + name
	}
	return strings.TrimPrefix(obj.Pkg().Path(), hcsshimModule+"/") + "." + name
}

// short is a type with the names of packages in the place of their paths.
func short(t types.Type) string { return types.TypeString(t, (*types.Package).Name) }

// setResult finds the options in what a function returns, and says whether they are
// there.
func (p *shim) setResult(e *entry, result types.Type) (bool, error) {
	results, ok := result.(*types.Tuple)
	if !ok || results.Len() != 2 || results.At(1).Type().String() != "error" {
		return false, nil
	}
	t := types.Unalias(results.At(0).Type())
	if isOptions(t) {
		return true, nil
	}
	if pointer, ok := t.(*types.Pointer); ok {
		e.pointer, t = true, pointer.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false, nil
	}
	var fields []string
	for f := range s.Fields() {
		if isOptions(f.Type()) {
			fields = append(fields, f.Name())
		}
	}
	if len(fields) > 1 {
		return false, fmt.Errorf("%s returns %s, which has %d fields with options: %s", p.name(e.object), short(t), len(fields), strings.Join(fields, ", "))
	}
	e.field = strings.Join(fields, "")
	return len(fields) == 1, nil
}

func isOptions(t types.Type) bool {
	return types.Unalias(t).String() == "*"+optionsPackage+".Options"
}

// callee is what a call calls, nil if that has no name.
func (p *shim) callee(call *ast.CallExpr) types.Object {
	obj := typeutil.Callee(&p.info, call)
	if f, ok := obj.(*types.Func); ok {
		return f.Origin()
	}
	return obj
}

// stdinCalls are the calls that are handed standard input, through variables, too, and
// through the parameters of functions that do not return the options.
func (p *shim) stdinCalls() (calls []*ast.CallExpr) {
	for before := -1; before < len(p.stdin); {
		before, calls = len(p.stdin), nil
		for n := range p.nodes() {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, value := range n.Rhs {
					if id, ok := n.Lhs[i].(*ast.Ident); ok {
						p.assign(id, value)
					}
				}
			case *ast.ValueSpec:
				for i, value := range n.Values {
					p.assign(n.Names[i], value)
				}
			case *ast.CallExpr:
				if p.pass(n) {
					calls = append(calls, n)
				}
			}
		}
	}
	slices.SortFunc(calls, func(a, b *ast.CallExpr) int { return p.compare(a, b) })
	return calls
}

// assign marks a variable if it is a reader and assigned something that standard input is in.
func (p *shim) assign(to *ast.Ident, value ast.Expr) {
	if p.mentionsStdin(value) {
		p.markReader(p.info.ObjectOf(to))
	}
}

func (p *shim) markReader(obj types.Object) {
	if obj == nil {
		return
	}
	if read, _, _ := types.LookupFieldOrMethod(obj.Type(), true, nil, "Read"); read != nil {
		p.stdin[obj] = true
	}
}

// pass reports whether a call is handed standard input, and marks the parameters of
// the function if the options are not among its results.
func (p *shim) pass(call *ast.CallExpr) (handed bool) {
	fits, _ := p.setResult(new(entry), p.info.TypeOf(call))
	f, _ := p.callee(call).(*types.Func)
	for i, arg := range call.Args {
		if !p.mentionsStdin(arg) {
			continue
		}
		handed = true
		if f != nil && p.own[f.Pkg().Path()] != nil && !fits {
			params := f.Signature().Params()
			p.markReader(params.At(min(i, params.Len()-1)))
		}
	}
	return handed
}

func (p *shim) mentionsStdin(e ast.Expr) bool {
	for id := range identifiers(e) {
		if p.isStdin(p.info.Uses[id]) {
			return true
		}
	}
	return false
}

func (p *shim) isStdin(obj types.Object) bool {
	v, ok := obj.(*types.Var)
	return ok && (p.stdin[v] || v.Name() == "Stdin" && v.Pkg() != nil && v.Pkg().Path() == "os")
}

// nodes are those of all packages.
func (p *shim) nodes() iter.Seq[ast.Node] {
	return func(yield func(ast.Node) bool) {
		for _, pkg := range p.own {
			for _, file := range pkg.Syntax {
				for n := range ast.Preorder(file) {
					if !yield(n) {
						return
					}
				}
			}
		}
	}
}

// handed lists calls with what they return.
func (p *shim) handed(calls []*ast.CallExpr) string {
	if len(calls) == 0 {
		return "os.Stdin is handed to no function"
	}
	var list []string
	for _, call := range calls {
		returns := "nothing"
		if t := p.info.TypeOf(call); t != nil {
			returns = short(t)
		}
		list = append(list, fmt.Sprintf("%s at %s, which returns %s", types.ExprString(call.Fun), p.at(call.Pos()), returns))
	}
	return "it is handed to " + strings.Join(list, ", ")
}

// inlineCall prepares the call to be made from elsewhere.
func (p *shim) inlineCall(e *entry) error {
	for _, part := range append([]ast.Expr{e.call.Fun}, e.call.Args...) {
		if err := p.inline(e, part); err != nil {
			return fmt.Errorf("%s cannot be called from elsewhere: %w", p.name(e.object), err)
		}
	}
	return nil
}

// inline replaces standard input, contexts and what is local in an expression.
func (p *shim) inline(e *entry, expr ast.Expr) (err error) {
	ast.Inspect(expr, func(n ast.Node) bool {
		x, ok := n.(ast.Expr)
		if _, done := e.replaced[n]; done {
			return false
		}
		if !ok || err != nil {
			return err == nil
		}
		var obj types.Object
		switch x := x.(type) {
		case *ast.Ident:
			obj = p.object(x)
		case *ast.SelectorExpr:
			if obj = p.object(x.Sel); !p.isStdin(obj) {
				obj = nil
			}
		}
		t := p.info.Types[x]
		local := obj != nil && obj.Parent() != nil && obj.Parent() != types.Universe && obj.Pkg() != nil && obj.Parent() != obj.Pkg().Scope()
		if _, ok := obj.(*types.PkgName); ok || local && within(obj, expr) {
			return true
		}
		switch {
		case p.isStdin(obj) && (types.IsInterface(t.Type) || short(t.Type) == "*os.File"):
			e.replaced[x] = replacement{"r", nil}
		case t.IsValue() && t.Type.String() == contextType:
			e.replaced[x] = replacement{background, nil}
		case local:
			v, ok := obj.(*types.Var)
			if !ok {
				err = p.errorf(x, "it needs %s, which is declared in a function", obj.Name())
				return false
			}
			var def replacement
			if def, err = p.definition(v); err == nil {
				e.replaced[x] = def
				if value, ok := def.node.(ast.Expr); ok {
					err = p.inline(e, value)
				}
			}
		default:
			if v, ok := obj.(*types.Var); ok && p.decls[v] != nil {
				_, err = p.definition(v)
			}
			return true
		}
		return false
	})
	return err
}

// definition is the value of a variable that is set where it is declared, and nowhere
// else.
func (p *shim) definition(v *types.Var) (def replacement, err error) {
	for n := range p.nodes() {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, to := range n.Lhs {
				id := root(to)
				if id == nil || p.info.ObjectOf(id) != v {
					continue
				}
				if n.Tok != token.DEFINE || p.info.Defs[id] == nil || len(n.Lhs) != len(n.Rhs) {
					return def, p.errorf(n, "it needs %s, which is set here", v.Name())
				}
				def = replacement{"(%s)", n.Rhs[i]}
			}
		case *ast.ValueSpec:
			for i, id := range n.Names {
				switch {
				case p.info.Defs[id] != v:
				case len(n.Values) == len(n.Names):
					def = replacement{"(%s)", n.Values[i]}
				case len(n.Values) == 0:
					def = replacement{"(*new(%s))", n.Type}
				}
			}
		}
	}
	if def.node == nil {
		return def, fmt.Errorf("%s: it needs %s, which has no value of its own", p.at(v.Pos()), v.Name())
	}
	return def, nil
}

// root is the variable that an assignment to an expression changes, nil if that is not known.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	}
	return nil
}

// identifiers are those that lead to what the call needs.
func (p *shim) entryIdentifiers(e *entry) (all []*ast.Ident) {
	if e.call == nil {
		id := &ast.Ident{Name: e.object.Name(), NamePos: e.object.Pos()}
		p.info.Uses[id] = e.object
		return []*ast.Ident{id}
	}
	nodes := []ast.Node{e.call}
	for len(nodes) > 0 {
		ast.Inspect(nodes[0], func(n ast.Node) bool {
			r, replaced := e.replaced[n]
			if r.node != nil {
				nodes = append(nodes, r.node)
			}
			if id, ok := n.(*ast.Ident); ok && !replaced {
				all = append(all, id)
			}
			return !replaced
		})
		nodes = nodes[1:]
	}
	return all
}

// imports are the packages that the decoder itself uses.
func (p *shim) imports(e *entry) (all []string) {
	if e.observed || p.isDirect(e) {
		return nil
	}
	all = []string{"io", optionsPackage}
	if slices.Contains(e.args, background) || slices.ContainsFunc(slices.Collect(maps.Values(e.replaced)), func(r replacement) bool { return r.format == background }) {
		all = append(all, "context")
	}
	return all
}

// decoder is the function as a readOptions, an expression.
func (p *shim) decoder(e *entry) string {
	if e.observed {
		return "throughStdin(" + p.names[e.object] + ")"
	}
	if p.isDirect(e) {
		return p.inlined(e, e.call.Fun)
	}
	text := "return " + p.callText(e)
	if e.field != "" {
		text = "v, err := " + p.callText(e) + "\n"
		if e.pointer {
			text += "if v == nil {\nreturn nil, err\n}\n"
		}
		text += "return v." + e.field + ", err"
	}
	return fmt.Sprintf("func(r %s.Reader) (*%s.Options, error) {\n%s\n}", p.names["io"], p.names[optionsPackage], text)
}

// isDirect reports whether the function is a readOptions as it stands.
func (p *shim) isDirect(e *entry) bool {
	if e.call == nil || e.field != "" {
		return false
	}
	sig, ok := p.info.TypeOf(e.call.Fun).(*types.Signature)
	return ok && sig.Params().Len() == 1 && sig.Params().At(0).Type().String() == "io.Reader"
}

func (p *shim) callText(e *entry) string {
	if e.call == nil {
		return p.names[e.object] + "(" + strings.ReplaceAll(strings.Join(e.args, ", "), background, p.names["context"]+".Background()") + ")"
	}
	return p.inlined(e, e.call)
}

// inlined is the text of a node with what is replaced in it.
func (p *shim) inlined(e *entry, n ast.Node) string {
	var edits []edit
	for n := range ast.Preorder(n) {
		switch r, ok := e.replaced[n]; {
		case ok && r.node != nil:
			edits = append(edits, edit{n.Pos(), n.End(), fmt.Sprintf(r.format, p.inlined(e, r.node))})
		case ok && r.format == background:
			edits = append(edits, edit{n.Pos(), n.End(), p.names["context"] + ".Background()"})
		case ok:
			edits = append(edits, edit{n.Pos(), n.End(), r.format})
		}
	}
	return p.edited(n, append(edits, p.renamings(n)...))
}
