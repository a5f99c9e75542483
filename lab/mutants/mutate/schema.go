package mutate

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// Variable is the variable of the environment that has the number of the mutant to run;
// 0 is the original.
const Variable = "SHIMFUZZ_MUTANT"

// Schema returns the file with many of its mutants in it, by their numbers: beside each
// function stands a copy for each of its mutants, and the function begins with a call of
// the one that is active. All mutants must compile, and be in functions.
func (f File) Schema(mutants map[int]Mutant) []byte {
	numbers := slices.Sorted(maps.Keys(mutants))
	active := fmt.Sprint("mutant", numbers[0], "_active") // a package can have several such files
	var out []byte
	at := 0
	upTo := func(end int, more string) {
		out, at = append(append(out, f.Text[at:end]...), more...), end
	}
	upTo(f.offset(f.Syntax.Name.End()), "\n\nimport (\nmutant_os \"os\"\nmutant_strconv \"strconv\"\n)\n")
	copies := fmt.Sprintf("\nvar %s, _ = mutant_strconv.Atoi(mutant_os.Getenv(%q))\n", active, Variable)
	for i, d := range f.Syntax.Decls {
		calls := ""
		for _, n := range numbers {
			if m := mutants[n]; m.Func == i {
				d := d.(*ast.FuncDecl)
				name := fmt.Sprintf("mutant%d_%s", n, d.Name.Name)
				calls += fmt.Sprintf("case %d:\n%s\n", n, call(d, name))
				// The change is behind the function's name, and before its end.
				rest := m.Text[f.offset(d.Name.End()) : f.offset(d.End())+len(m.Text)-len(f.Text)]
				copies += "\n" + f.between(d.Pos(), d.Name.Pos()) + name + string(rest) + "\n"
			}
		}
		if calls != "" {
			upTo(f.offset(d.(*ast.FuncDecl).Body.Lbrace)+1, "\nswitch "+active+" {\n"+calls+"}\n")
		}
	}
	upTo(len(f.Text), copies)
	return out
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
