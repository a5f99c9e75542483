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

// call calls a copy of a function in its place. It is "" where a function cannot call one:
// it has type parameters, or no names for what it is given.
func call(f *ast.FuncDecl, name string) string {
	given := f.Type.Params.List
	if f.Recv != nil {
		given = append(slices.Clone(f.Recv.List), given...)
	}
	var args []string
	for _, p := range given {
		if len(p.Names) == 0 {
			return ""
		}
		for _, n := range p.Names {
			args = append(args, n.Name)
		}
		if _, variadic := p.Type.(*ast.Ellipsis); variadic {
			args[len(args)-1] += "..."
		}
	}
	if f.Type.TypeParams != nil || slices.Contains(args, "_") {
		return ""
	}
	if f.Recv != nil {
		name, args = args[0]+"."+name, args[1:]
	}
	call := name + "(" + strings.Join(args, ", ") + ")"
	if f.Type.Results == nil {
		return call + "\nreturn"
	}
	return "return " + call
}
