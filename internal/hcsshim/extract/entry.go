package extract

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/types/typeutil"
)

const (
	usualEntry  = "readOptions"
	contextType = "context.Context"
	bytesType   = "[]byte"
)

// entry finds the function under test: the user's choice, the one with the usual name, or
// else the one that os.Stdin is handed to. It says how it was found.
func (p *program) entry() (f *types.Func, how string, err error) {
	if p.Entry != "" {
		if f, err = p.chosenEntry(); err != nil {
			err = fmt.Errorf("ENTRY=%s: %w", p.Entry, err)
		}
		return f, "which ENTRY has chosen", err
	}
	for _, pkg := range slices.Backward(p.own) {
		if f, ok := pkg.Types.Scope().Lookup(usualEntry).(*types.Func); ok {
			return f, "by its name", p.check(f)
		}
	}
	f, err = p.handedStdin()
	return f, "which is handed os.Stdin", err
}

// chosenEntry is the function that the user names.
func (p *program) chosenEntry() (*types.Func, error) {
	name := p.Entry[strings.LastIndexByte(p.Entry, '.')+1:]
	for _, pkg := range p.own {
		if f, ok := pkg.Types.Scope().Lookup(name).(*types.Func); ok && p.entryName(f) == p.Entry {
			return f, p.check(f)
		}
	}
	return nil, fmt.Errorf("the shim has no such function: want one such as %s",
		strings.TrimSuffix(p.entryName(p.main.Types.Scope().Lookup("main")), "main")+usualEntry)
}

// handedStdin is the one function that a call hands os.Stdin to and that returns options.
func (p *program) handedStdin() (*types.Func, error) {
	var found []*types.Func
	var handed []string // for people
	for _, d := range p.decls {
		for n := range ast.Preorder(d.node) {
			call, ok := n.(*ast.CallExpr)
			if !ok || !slices.ContainsFunc(call.Args, p.isStdin) {
				continue
			}
			f := typeutil.StaticCallee(p.info, call)
			if f != nil && p.owns(f) && p.check(f) == nil && !slices.Contains(found, f) {
				found = append(found, f)
			}
			handed = append(handed, fmt.Sprintf("%s at %v", types.ExprString(call.Fun), p.position(call)))
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return nil, fmt.Errorf("no function %s, and not just one that is handed os.Stdin and returns (*options.Options, "+
		"error): os.Stdin is handed to %s; ENTRY=package.Func chooses one",
		usualEntry, cmp.Or(strings.Join(handed, ", "), "no function"))
}

func (p *program) isStdin(e ast.Expr) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && p.object(s.Sel) != nil && p.object(s.Sel).String() == "var os.Stdin *os.File"
}

// check says in one line why a function cannot be called as the shim's readOptions; nil if
// it can.
func (p *program) check(f *types.Func) error {
	sig := f.Signature()
	var params []string
	for v := range sig.Params().Variables() {
		if t := v.Type().String(); t != contextType {
			params = append(params, t)
		}
	}
	results := sig.Results()
	takes := len(params) == 1 && (params[0] == "io.Reader" || params[0] == bytesType && p.Entry != "")
	fits := takes && sig.TypeParams() == nil && results.Len() == 2 &&
		isOptions(results.At(0).Type()) && results.At(1).Type().String() == "error"
	want := "func(io.Reader) (*options.Options, error), with contexts at most; with ENTRY also one of []byte"
	if p.Signature != "" {
		want, fits = p.Signature, sig.String() == p.Signature
	}
	if fits {
		return nil
	}
	return p.errorf(f, "%s is a %s: want %s", f.Name(), types.TypeString(sig, (*types.Package).Name), want)
}

func isOptions(t types.Type) bool {
	return types.Unalias(t).String() == "*"+optionsPackage+".Options"
}

// entryName is that of a function as ENTRY takes it.
func (p *program) entryName(obj types.Object) string {
	return strings.TrimPrefix(obj.Pkg().Path(), hcsshimModule+"/") + "." + obj.Name()
}

// decoder is the function as a field of an UnderTest.
func (p *program) decoder(f *types.Func) string {
	name, params, args := p.settle(f, f.Name()), f.Signature().Params(), []string(nil)
	if params.Len() == 0 || params.Len() == 1 && params.At(0).Type().String() != bytesType {
		return "ReadOptions: " + name + ",\n"
	}
	field, context, read := "ReadOptions", "", ""
	for v := range params.Variables() {
		switch v.Type().String() {
		case contextType:
			args = append(args, "ctx")
			field, context = "ReadInContext", "ctx "+p.use("context", "context")+".Context, "
		case bytesType:
			args = append(args, "b")
			read = "b, err := " + p.use("io", "io") + ".ReadAll(r)\nif err != nil {\nreturn nil, err\n}\n"
		default:
			args = append(args, "r")
		}
	}
	return fmt.Sprintf("%s: func(%sr %s.Reader) (*%s.Options, error) {\n%sreturn %s(%s)\n},\n", field, context,
		p.use("io", "io"), p.use(optionsPackage, "options"), read, name, strings.Join(args, ", "))
}
