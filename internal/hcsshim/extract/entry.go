package extract

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/types/typeutil"
)

// entry is the function under test.
type entry struct {
	function    *types.Func
	observed    bool   // it does not return the options
	description string // for people, "" if it is the usual readOptions
}

const contextType = "context.Context"

// entry finds the function: the user's choice, the one called readOptions, or else the
// one that os.Stdin is handed to.
func (p *shim) entry(s Shim) (*entry, error) {
	if s.observed != "" {
		return p.observedEntry(s)
	}
	if s.entry != "" {
		return p.chosenEntry(s.entry)
	}
	for _, pkg := range p.packages() {
		f, ok := pkg.Types.Scope().Lookup("readOptions").(*types.Func)
		if !ok {
			continue
		}
		if err := p.fits(f); err != nil {
			return nil, err
		}
		e := &entry{function: f}
		if p.name(f) != s.usual() || f.Signature().Params().Len() > 1 {
			e.description = p.name(f)
		}
		return e, nil
	}
	return p.handedStdin()
}

// packages are the program's own, and then the others by their path.
func (p *shim) packages() []*packages.Package {
	others := maps.Clone(p.own)
	delete(others, p.main.PkgPath)
	all := []*packages.Package{p.main}
	for _, importPath := range slices.Sorted(maps.Keys(others)) {
		all = append(all, others[importPath])
	}
	return all
}

// observedEntry is the function of a shim that has none that returns the options.
func (p *shim) observedEntry(s Shim) (*entry, error) {
	f, _ := p.main.Types.Scope().Lookup(s.observed).(*types.Func)
	if f == nil {
		return nil, fmt.Errorf("no function %s in %s", s.observed, p.main.PkgPath)
	}
	if got := f.Signature().String(); got != "func() error" {
		return nil, fmt.Errorf("%s: %s has another signature: %s instead of func() error", p.at(f.Pos()), s.observed,
			got)
	}
	return &entry{function: f, observed: true}, nil
}

// chosenEntry is the function that the user names.
func (p *shim) chosenEntry(name string) (*entry, error) {
	dir, function := path.Split(name)
	base, function, _ := strings.Cut(function, ".")
	pkg := p.own[path.Join(hcsshimModule, dir, base)]
	if pkg == nil {
		return nil, fmt.Errorf("ENTRY=%s: the shim has no package %s: want a function such as %s",
			name, path.Join(dir, base), p.name(p.main.Types.Scope().Lookup("main")))
	}
	f, ok := pkg.Types.Scope().Lookup(function).(*types.Func)
	if !ok {
		return nil, fmt.Errorf("ENTRY=%s: no function %s in %s", name, function, pkg.PkgPath)
	}
	if err := p.fits(f); err != nil {
		return nil, fmt.Errorf("ENTRY=%s: %w", name, err)
	}
	return &entry{function: f, description: name + ", which ENTRY has chosen"}, nil
}

// handedStdin is the one function that a call hands os.Stdin to and that returns options.
func (p *shim) handedStdin() (*entry, error) {
	var found []*types.Func
	var handed []string // for people
	for _, call := range p.stdinCalls() {
		f, ok := typeutil.Callee(&p.info, call).(*types.Func)
		if ok && p.decls[f] != nil && p.fits(f) == nil {
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
		handed = append(handed, fmt.Sprintf("%s at %s", types.ExprString(call.Fun), p.at(call.Pos())))
	}
	if len(found) == 1 {
		return &entry{function: found[0], description: p.name(found[0]) + ", which is handed os.Stdin"}, nil
	}
	return nil,
		fmt.Errorf("no function readOptions, and not just one that is handed os.Stdin and returns (*options.Options, "+
			"error): os.Stdin is handed to %s; ENTRY=package.Func chooses one",
			cmp.Or(strings.Join(handed, ", "), "no function"))
}

// stdinCalls are the calls with os.Stdin as an argument, in the order of the text.
func (p *shim) stdinCalls() (calls []*ast.CallExpr) {
	for _, pkg := range p.packages() {
		for _, file := range pkg.Syntax {
			for n := range ast.Preorder(file) {
				if call, ok := n.(*ast.CallExpr); ok && slices.ContainsFunc(call.Args, p.isStdin) {
					calls = append(calls, call)
				}
			}
		}
	}
	slices.SortFunc(calls, func(a, b *ast.CallExpr) int { return p.compare(a, b) })
	return calls
}

func (p *shim) isStdin(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	v, ok := p.info.Uses[s.Sel].(*types.Var)
	return ok && v.Name() == "Stdin" && v.Pkg() != nil && v.Pkg().Path() == "os"
}

// fits says in one line why a function cannot be called as a readOptions; nil if it can.
func (p *shim) fits(f *types.Func) error {
	sig := f.Signature()
	if sig.Recv() != nil || sig.TypeParams() != nil {
		return fmt.Errorf("%s: %s is a method or has type parameters: want a plain function", p.at(f.Pos()), f.Name())
	}
	results := sig.Results()
	if results.Len() != 2 || !isOptions(results.At(0).Type()) || results.At(1).Type().String() != "error" {
		return fmt.Errorf("%s: %s returns %s: want (*options.Options, error)", p.at(f.Pos()), f.Name(), short(results))
	}
	readers := 0
	for v := range sig.Params().Variables() {
		switch v.Type().String() {
		case "io.Reader":
			readers++
		case contextType:
		default:
			return fmt.Errorf("%s: %s takes %s %s: want an io.Reader, and contexts at most",
				p.at(f.Pos()), f.Name(), v.Name(), short(v.Type()))
		}
	}
	if readers != 1 {
		return fmt.Errorf("%s: %s takes %s: want one io.Reader", p.at(f.Pos()), f.Name(), short(sig.Params()))
	}
	return nil
}

func isOptions(t types.Type) bool {
	return types.Unalias(t).String() == "*"+optionsPackage+".Options"
}

// name is that of a function as ENTRY takes it.
func (p *shim) name(obj types.Object) string {
	return strings.TrimPrefix(obj.Pkg().Path(), hcsshimModule+"/") + "." + obj.Name()
}

// short is a type with the names of packages in the place of their paths.
func short(t types.Type) string { return types.TypeString(t, (*types.Package).Name) }

// isDirect reports whether the function is a readOptions as it stands.
func (e *entry) isDirect() bool { return e.function.Signature().Params().Len() == 1 }

// identifier is one that means the function.
func (p *shim) identifier(e *entry) *ast.Ident {
	id := &ast.Ident{Name: e.function.Name(), NamePos: e.function.Pos()}
	p.info.Uses[id] = e.function
	return id
}

// imports are the packages that the decoder itself uses.
func (e *entry) imports() []string {
	if e.observed || e.isDirect() {
		return nil
	}
	return []string{"context", "io", optionsPackage}
}

// decoder is the function as a readOptions, an expression.
func (p *shim) decoder(e *entry) string {
	name := p.names[e.function]
	switch {
	case e.observed:
		return "throughStdin(" + name + ")"
	case e.isDirect():
		return name
	}
	var args []string
	for v := range e.function.Signature().Params().Variables() {
		arg := "r"
		if v.Type().String() == contextType {
			arg = p.names["context"] + ".Background()"
		}
		args = append(args, arg)
	}
	return fmt.Sprintf("func(r %s.Reader) (*%s.Options, error) {\nreturn %s(%s)\n}",
		p.names["io"], p.names[optionsPackage], name, strings.Join(args, ", "))
}
