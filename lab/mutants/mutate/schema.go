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

// Schema returns a file with many of its mutants in it, by their numbers: beside
// each function stands a copy for each of its mutants, and the function calls the
// one that is active. All mutants must compile, and be in functions.
func Schema(text []byte, mutants map[int]Mutant) ([]byte, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	of := make(map[int][]int) // numbers, by function
	for _, n := range slices.Sorted(maps.Keys(mutants)) {
		i := mutants[n].Func
		if i < 0 || i >= len(file.Decls) {
			return nil, fmt.Errorf("%s is not in a function", mutants[n].Name)
		}
		of[i] = append(of[i], n)
	}
	s := &schema{set: set, text: text}
	at := 0
	for i, d := range file.Decls {
		if len(of[i]) == 0 {
			continue
		}
		f := d.(*ast.FuncDecl)
		s.out = append(s.out, text[at:s.offset(f.Pos())]...)
		at = s.offset(f.End())
		s.dispatch(f, of[i])
		s.copy(f, text, 0)
		for _, n := range of[i] {
			s.copy(f, mutants[n].Text, n)
		}
	}
	return append(s.out, text[at:]...), nil
}

type schema struct {
	set  *token.FileSet
	text []byte
	out  []byte
}

func (s *schema) offset(p token.Pos) int { return s.set.Position(p).Offset }

func (s *schema) source(n ast.Node) string {
	return string(s.text[s.offset(n.Pos()):s.offset(n.End())])
}

// CopyName is the name of a mutant's copy of a function; number 0 is the original's.
func CopyName(function string, number int) string {
	return fmt.Sprintf("mutant%d_%s", number, function)
}

// copy adds the function as it is in a mutant's text, under a name of its own. The
// change is after the function's name, and before its end.
func (s *schema) copy(f *ast.FuncDecl, changed []byte, number int) {
	from, name, to := s.offset(f.Pos()), s.offset(f.Name.Pos()), s.offset(f.End())+len(changed)-len(s.text)
	s.out = append(s.out, "\n\n"...)
	s.out = append(s.out, changed[from:name]...)
	s.out = append(s.out, CopyName(f.Name.Name, number)...)
	s.out = append(s.out, changed[name+len(f.Name.Name):to]...)
}

// dispatch adds a function with f's signature that calls a copy of it.
func (s *schema) dispatch(f *ast.FuncDecl, numbers []int) {
	receiver, prefix := "", ""
	if f.Recv != nil {
		receiver, prefix = "(receiver "+s.source(f.Recv.List[0].Type)+") ", "receiver."
	}
	var params, args []string
	for _, p := range f.Type.Params.List {
		for range max(1, len(p.Names)) {
			name := fmt.Sprintf("p%d", len(params))
			params = append(params, name+" "+s.source(p.Type))
			if _, variadic := p.Type.(*ast.Ellipsis); variadic {
				name += "..."
			}
			args = append(args, name)
		}
	}
	results, before, after := "", "", "; return"
	if f.Type.Results != nil {
		results, before, after = s.source(f.Type.Results), "return ", ""
	}
	call := func(number int) string {
		return before + prefix + CopyName(f.Name.Name, number) + "(" + strings.Join(args, ", ") + ")" + after
	}
	s.out = fmt.Appendf(s.out, "func %s%s(%s) %s {\n\tswitch %s {\n", receiver, f.Name.Name, strings.Join(params, ", "),
		results, Active)
	for _, n := range numbers {
		s.out = fmt.Appendf(s.out, "\tcase %d:\n\t\t%s\n", n, call(n))
	}
	s.out = fmt.Appendf(s.out, "\t}\n\t%s\n}", call(0))
}
