package extract

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/go/ast/inspector"
	"golang.org/x/tools/go/types/typeutil"
)

const contextType = "context.Context"

// entry finds the function under test: the user's choice, the one with the usual name, or
// else the one that os.Stdin is handed to. It describes any but the usual one.
func (p *shim) entry() (f *types.Func, description string, err error) {
	if p.chosen != "" {
		f, err := p.chosenEntry()
		return f, p.chosen + ", which ENTRY has chosen", err
	}
	name := cmp.Or(p.observed, "readOptions")
	for _, pkg := range p.packages() {
		f, ok := pkg.Types.Scope().Lookup(name).(*types.Func)
		if !ok {
			continue
		}
		if pkg != p.main || f.Signature().Params().Len() > 1 {
			description = p.name(f)
		}
		return f, description, p.check(f)
	}
	f, err = p.handedStdin(name)
	if err != nil {
		return nil, "", err
	}
	return f, p.name(f) + ", which is handed os.Stdin", nil
}

// chosenEntry is the function that the user names.
func (p *shim) chosenEntry() (*types.Func, error) {
	dir, function := path.Split(p.chosen)
	base, function, _ := strings.Cut(function, ".")
	pkg := p.own[path.Join(hcsshimModule, dir, base)]
	if pkg == nil {
		return nil, fmt.Errorf("ENTRY=%s: the shim has no package %s: want a function such as %s",
			p.chosen, path.Join(dir, base), p.name(p.main.Types.Scope().Lookup("main")))
	}
	f, ok := pkg.Types.Scope().Lookup(function).(*types.Func)
	if !ok {
		return nil, fmt.Errorf("ENTRY=%s: no function %s in %s", p.chosen, function, pkg.PkgPath)
	}
	if err := p.check(f); err != nil {
		return nil, fmt.Errorf("ENTRY=%s: %w", p.chosen, err)
	}
	return f, nil
}

// handedStdin is the one function that a call hands os.Stdin to and that returns options.
func (p *shim) handedStdin(usual string) (*types.Func, error) {
	var found []*types.Func
	var handed []string // for people
	for call := range inspector.All[*ast.CallExpr](inspector.New(p.files)) {
		if !slices.ContainsFunc(call.Args, p.isStdin) {
			continue
		}
		f := typeutil.StaticCallee(p.info, call)
		if f != nil && p.of[f] != nil && p.check(f) == nil && !slices.Contains(found, f) {
			found = append(found, f)
		}
		handed = append(handed, fmt.Sprintf("%s at %v", types.ExprString(call.Fun), p.position(call)))
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return nil, fmt.Errorf("no function %s, and not just one that is handed os.Stdin and returns (*options.Options, "+
		"error): os.Stdin is handed to %s; ENTRY=package.Func chooses one",
		usual, cmp.Or(strings.Join(handed, ", "), "no function"))
}

func (p *shim) isStdin(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && p.object(s.Sel) != nil && p.object(s.Sel).String() == "var os.Stdin *os.File"
}

// check says in one line why a function cannot be called as the shim's readOptions; nil if
// it can.
func (p *shim) check(f *types.Func) error {
	sig := f.Signature()
	readers, others := 0, 0
	for v := range sig.Params().Variables() {
		switch v.Type().String() {
		case "io.Reader":
			readers++
		case contextType:
		default:
			others++
		}
	}
	results := sig.Results()
	fits := readers == 1 && others == 0 && sig.Recv() == nil && sig.TypeParams() == nil && results.Len() == 2 &&
		isOptions(results.At(0).Type()) && results.At(1).Type().String() == "error"
	want := "func(io.Reader) (*options.Options, error), with contexts at most"
	if p.observed != "" {
		want = "func() error"
		fits = sig.String() == want
	}
	if fits {
		return nil
	}
	return p.errorf(f, "%s is a %s: want %s", f.Name(), types.TypeString(sig, (*types.Package).Name), want)
}

func isOptions(t types.Type) bool {
	return types.Unalias(t).String() == "*"+optionsPackage+".Options"
}

// name is that of a function as ENTRY takes it.
func (p *shim) name(obj types.Object) string {
	return strings.TrimPrefix(obj.Pkg().Path(), hcsshimModule+"/") + "." + obj.Name()
}

// decoder is the function as a readOptions, an expression.
func (p *shim) decoder(f *types.Func) string {
	name, params := p.names[f], f.Signature().Params()
	switch params.Len() {
	case 0:
		return "throughStdin(" + name + ")"
	case 1:
		return name
	}
	var args []string
	for v := range params.Variables() {
		arg := "r"
		if v.Type().String() == contextType {
			arg = p.names["context"] + ".Background()"
		}
		args = append(args, arg)
	}
	return fmt.Sprintf("func(r %s.Reader) (*%s.Options, error) {\nreturn %s(%s)\n}",
		p.names["io"], p.names[optionsPackage], name, strings.Join(args, ", "))
}
