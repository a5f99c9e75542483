// Package mutate makes mutants of a Go file: copies with one small change each,
// of the kind that people make by mistake.
package mutate

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Mutant is a file with one change.
type Mutant struct {
	// Name tells the mutant from the others of its file, without a word of the
	// file's text but its declarations' names: "readOptions: force true #2" is
	// that change's second place in that function.
	Name string
	// Change is where, what and to what, on one line.
	Change string
	Text   []byte // the whole file
	Func   int    // that the change is in, as an index of the file's declarations; -1 is none
}

// Mutants returns the mutants of the named declarations (functions, variables,
// constants) of a file, of all but init if names is nil. No two are the same
// program, but for what only a compiler sees; that each compiles is not promised.
func (f *File) Mutants(names []string) []Mutant {
	m := &mutator{File: f, seen: map[string]bool{normal(f.Text): true}, count: make(map[string]int)}
	wanted := func(name string) bool {
		return name != "init" && name != "_" && (names == nil || slices.Contains(names, name))
	}
	for i, d := range f.Syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body == nil || !wanted(d.Name.Name) {
				continue
			}
			m.name, m.function = d.Name.Name, i
			ast.Inspect(d.Body, m.visit(d.Type.Results))
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.ValueSpec); ok && wanted(s.Names[0].Name) {
					m.name, m.function = s.Names[0].Name, -1
					ast.Inspect(s, m.visit(nil))
				}
			}
		}
	}
	return m.mutants
}

// mutator makes the mutants of a file.
type mutator struct {
	*File
	name     string          // of the declaration
	function int             // see Mutant.Func
	seen     map[string]bool // programs that there are
	count    map[string]int  // of changes, by declaration and operator
	mutants  []Mutant
}

// normal is a text without its layout, so that equal programs are equal texts.
func normal(text []byte) string {
	if out, err := format.Source(text); err == nil {
		text = out
	}
	return string(bytes.Join(bytes.Fields(text), []byte(" ")))
}

// replace makes a mutant with other text instead of n.
func (m *mutator) replace(n ast.Node, text, operator string) {
	m.splice(n.Pos(), n.End(), text, operator)
}

// splice makes a mutant with other text between two positions.
func (m *mutator) splice(from, to token.Pos, text, operator string) {
	whole := slices.Concat(m.Text[:m.offset(from)], []byte(text), m.Text[m.offset(to):])
	operator = m.name + ": " + operator
	m.count[operator]++
	if key := normal(whole); !m.seen[key] {
		m.seen[key] = true
		p := m.Pkg.Fset.Position(from)
		m.mutants = append(m.mutants, Mutant{fmt.Sprintf("%s #%d", operator, m.count[operator]),
			fmt.Sprintf("%s:%d: %s → %s", filepath.Base(p.Filename), p.Line, oneLine(m.between(from, to)),
				oneLine(text)), whole, m.function})
	}
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 60 {
		s = s[:57] + "..."
	}
	return s
}

// visit makes the mutants of a node in a function with such results.
func (m *mutator) visit(results *ast.FieldList) func(ast.Node) bool {
	return func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			ast.Inspect(n.Body, m.visit(n.Type.Results))
			return false
		case *ast.IfStmt:
			m.condition(n.Cond)
		case *ast.ForStmt:
			if n.Cond != nil {
				m.condition(n.Cond)
			}
		case *ast.BlockStmt:
			m.statements(n.List)
		case *ast.CaseClause:
			m.replace(n, "", "drop the case")
			m.statements(n.Body)
		case *ast.ReturnStmt:
			m.returned(n, results)
		case *ast.BinaryExpr:
			m.binary(n)
		case *ast.BasicLit:
			m.literal(n)
		case *ast.CallExpr:
			if slices.Contains(makeErrors, m.source(n.Fun)) {
				return false // its text is for people
			}
			m.call(n)
		case *ast.CompositeLit:
			m.elements(n)
		case *ast.SliceExpr:
			m.bounds(n)
		case *ast.Ident:
			if n.Name == "true" || n.Name == "false" {
				m.replace(n, strconv.FormatBool(n.Name != "true"), "flip a boolean")
			}
		}
		return true
	}
}

// condition negates a condition and forces it either way. It is evaluated all
// the same, so that what it uses stays used.
func (m *mutator) condition(c ast.Expr) {
	s := m.source(c)
	m.replace(c, "!("+s+")", "negate")
	m.replace(c, "("+s+") || true", "force true")
	m.replace(c, "("+s+") && false", "force false")
}

// statements drops each statement, and swaps each with the next, and each
// paragraph with the next: an attempt is often a paragraph. Where a variable is
// declared makes no difference.
func (m *mutator) statements(list []ast.Stmt) {
	var single [][]ast.Stmt
	for i, s := range list {
		if _, ok := s.(*ast.CaseClause); ok {
			return // cases exclude each other, in any order
		}
		if _, ok := s.(*ast.DeclStmt); !ok {
			m.replace(s, "", "drop the statement")
			single = append(single, list[i:i+1])
		}
	}
	m.swaps(single, "swap two statements")
	m.swaps(m.paragraphs(list), "swap two paragraphs")
}

func (m *mutator) swaps(groups [][]ast.Stmt, operator string) {
	for i := 0; i+1 < len(groups); i++ {
		a, b := groups[i], groups[i+1]
		start, end, next, last := a[0].Pos(), a[len(a)-1].End(), b[0].Pos(), b[len(b)-1].End()
		m.splice(start, last, m.between(next, last)+m.between(end, next)+m.between(start, end), operator)
	}
}

// paragraphs are runs of statements without a blank line or a comment between.
func (m *mutator) paragraphs(list []ast.Stmt) [][]ast.Stmt {
	var all [][]ast.Stmt
	for i, s := range list {
		if i == 0 || m.Pkg.Fset.Position(s.Pos()).Line > m.Pkg.Fset.Position(list[i-1].End()).Line+1 {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], s)
	}
	return all
}

// returned replaces each result by other values, and all of them.
func (m *mutator) returned(r *ast.ReturnStmt, results *ast.FieldList) {
	if results == nil || len(r.Results) == 0 {
		return
	}
	var types []string
	for _, f := range results.List {
		for range max(1, len(f.Names)) {
			types = append(types, m.source(f.Type))
		}
	}
	zeros := make([]string, len(types))
	for i, t := range types {
		zeros[i] = cmp.Or(zero[t], "nil")
		if len(r.Results) != len(types) {
			continue
		}
		for _, other := range wrong(t, m.source(r.Results[i])) {
			m.replace(r.Results[i], other, fmt.Sprintf("return %s as result %d", other, i+1))
		}
	}
	from, to := r.Results[0].Pos(), r.Results[len(r.Results)-1].End()
	m.splice(from, to, strings.Join(zeros, ", "), "return zero values")
	// Another error would be no change, and nil, err mostly none from nil, nil.
	last := len(types) - 1
	if last > 0 && types[last] == "error" && len(r.Results) == len(types) && m.source(r.Results[0]) != "nil" {
		zeros[last] = "err"
		m.splice(from, to, strings.Join(zeros, ", "), "return err")
	}
}

// zero has the zero values of types where that is not nil.
var zero = map[string]string{"bool": "false", "string": `""`, "int": "0"}

// wrong are values of a type that a result may not have. Another error is not
// wrong: what an error says is for people.
func wrong(typ, value string) []string {
	switch {
	case typ == "error" && value == "nil":
		return []string{"io.ErrUnexpectedEOF"}
	case typ == "error":
		return []string{"nil"}
	case typ == "bool":
		return []string{"true", "false"}
	case typ == "string":
		return []string{`""`, `"mutant"`}
	case strings.HasPrefix(typ, "*"):
		return []string{"nil", "new(" + typ[1:] + ")"}
	}
	return nil
}

// confusable are the operators that one may be mistaken for.
var confusable = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GTR}, token.LEQ: {token.LSS, token.GEQ}, token.GTR: {token.GEQ, token.LSS},
	token.GEQ: {token.GTR, token.LEQ},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD},
}

func (m *mutator) binary(e *ast.BinaryExpr) {
	for _, op := range confusable[e.Op] {
		m.replace(e, m.source(e.X)+" "+op.String()+" "+m.source(e.Y), fmt.Sprintf("%s for %s", op, e.Op))
	}
	if e.Op == token.LAND || e.Op == token.LOR {
		m.replace(e, m.source(e.X), "drop the right condition")
		m.replace(e, m.source(e.Y), "drop the left condition")
	}
}

func (m *mutator) literal(l *ast.BasicLit) {
	switch l.Kind {
	case token.INT:
		v, err := strconv.Atoi(l.Value)
		if err != nil {
			return
		}
		m.replace(l, strconv.Itoa(v+1), "one more")
		if v > 0 {
			m.replace(l, strconv.Itoa(v-1), "one less")
		}
	case token.STRING:
		m.replace(l, `""`, "empty string")
	}
}

// makeErrors are the functions whose arguments are an error's text.
var makeErrors = []string{"errors.New", "errors.Wrap", "errors.Wrapf", "errors.Errorf", "errors.WithMessage",
	"fmt.Errorf"}

// call gives each argument another value, and asks another strictness of protobuf.
func (m *mutator) call(c *ast.CallExpr) {
	for i, a := range c.Args {
		m.replace(a, "nil", fmt.Sprintf("nil as argument %d", i+1))
		if id, ok := a.(*ast.Ident); ok {
			m.replace(a, id.Name+"[:0]", fmt.Sprintf("argument %d emptied", i+1))
			m.replace(a, id.Name+"[1:]", fmt.Sprintf("argument %d without its first element", i+1))
			m.replace(a, id.Name+"[:len("+id.Name+")-1]", fmt.Sprintf("argument %d without its last element", i+1))
		}
		if i+1 < len(c.Args) {
			next := c.Args[i+1]
			m.splice(a.Pos(), next.End(), m.source(next)+", "+m.source(a), fmt.Sprintf("arguments %d and %d swapped",
				i+1, i+2))
		}
	}
	for _, strictness := range []string{"AllowPartial: true", "RecursionLimit: 5"} {
		if m.source(c.Fun) == "proto.Unmarshal" {
			m.replace(c.Fun, "(proto.UnmarshalOptions{"+strictness+"}).Unmarshal", strictness)
		}
	}
}

// elements drops each element of a composite literal.
func (m *mutator) elements(c *ast.CompositeLit) {
	for i, e := range c.Elts {
		from, to := e.Pos(), e.End()
		if i+1 < len(c.Elts) {
			to = c.Elts[i+1].Pos()
		} else if i > 0 {
			from = c.Elts[i-1].End()
		}
		m.splice(from, to, "", "drop the element")
	}
}

// bounds moves each bound of a slice by one, and drops it.
func (m *mutator) bounds(e *ast.SliceExpr) {
	for _, bound := range []ast.Expr{e.Low, e.High} {
		if bound == nil {
			continue
		}
		s := m.source(bound)
		m.replace(bound, s+"+1", "bound one more")
		m.replace(bound, s+"-1", "bound one less")
		m.replace(bound, "", "no bound")
	}
}
