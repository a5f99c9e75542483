package mutate

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// Active is the variable of a package with schemata that has the number of the
// mutant to run; 0 is the original.
const Active = "ActiveMutant"

// Schema returns a file with many of its mutants in it, by their numbers: beside each
// function stands a copy for each of its mutants, and the function begins with a call of
// the one that is active. All mutants must compile, and be in functions.
func Schema(text []byte, mutants map[int]Mutant) ([]byte, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	offset := func(p token.Pos) int { return set.Position(p).Offset }
	var out, copies []byte
	at := 0
	for i, d := range file.Decls {
		calls := ""
		for _, n := range slices.Sorted(maps.Keys(mutants)) {
			if m := mutants[n]; m.Func == i {
				f := d.(*ast.FuncDecl)
				name := fmt.Sprintf("mutant%d_%s", n, f.Name.Name)
				calls += fmt.Sprintf("case %d:\n%s\n", n, call(f, name))
				// The change is behind the function's name, and before its end.
				end := offset(f.End()) + len(m.Text) - len(text)
				copies = append(copies, "\n"+string(m.Text[offset(f.Pos()):offset(f.Name.Pos())])+name+
					string(m.Text[offset(f.Name.End()):end])+"\n"...)
			}
		}
		if calls != "" {
			body := offset(d.(*ast.FuncDecl).Body.Lbrace) + 1
			out = append(append(out, text[at:body]...), "\nswitch "+Active+" {\n"+calls+"}\n"...)
			at = body
		}
	}
	return slices.Concat(out, text[at:], copies), nil
}

// call calls a copy of a function in its place.
func call(f *ast.FuncDecl, name string) string {
	var args []string
	for _, p := range f.Type.Params.List {
		for _, n := range p.Names {
			args = append(args, n.Name)
		}
		if _, variadic := p.Type.(*ast.Ellipsis); variadic {
			args[len(args)-1] += "..."
		}
	}
	if f.Recv != nil {
		name = f.Recv.List[0].Names[0].Name + "." + name
	}
	call := name + "(" + strings.Join(args, ", ") + ")"
	if f.Type.Results == nil {
		return call + "\nreturn"
	}
	return "return " + call
}

// canCall reports whether a function can call a copy of itself: without type parameters,
// and with names for what it is given.
func canCall(f *ast.FuncDecl) bool {
	given := f.Type.Params.List
	if f.Recv != nil {
		given = append(slices.Clone(given), f.Recv.List...)
	}
	return f.Type.TypeParams == nil && !slices.ContainsFunc(given, func(p *ast.Field) bool {
		return len(p.Names) == 0 || slices.ContainsFunc(p.Names, func(n *ast.Ident) bool { return n.Name == "_" })
	})
}
