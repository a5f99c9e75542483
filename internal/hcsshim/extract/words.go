package extract

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"maps"
	"slices"
	"strconv"
)

// wordsSource is the file with the constants of what has been extracted, and of hcsshim's
// packages of annotations.
func (p *program) wordsSource() ([]byte, error) {
	for _, pkg := range p.own {
		for _, file := range pkg.Syntax {
			if pkg.Name == "annotations" {
				p.takeConstants(file)
			}
		}
	}
	delete(p.texts, "") // of a literal without bytes, or in the code: the grammar has it
	return p.generated("", fmt.Sprintf("var constants = hcsshim.Constants{\nWords: %#v,\nNumbers: %#v,\n}\n",
		slices.Sorted(maps.Keys(p.texts)), slices.Sorted(maps.Keys(p.ints))))
}

// takeConstants takes the constants in a node, named or not. A letter is a text, too, and so are
// bytes that are listed.
func (p *program) takeConstants(node ast.Node) {
	for n := range ast.Preorder(node) {
		switch n := n.(type) {
		case *ast.CompositeLit:
			var text []byte
			for _, e := range n.Elts {
				if v := p.info.Types[e].Value; v != nil && v.Kind() == constant.Int {
					b, _ := constant.Uint64Val(v)
					text = append(text, byte(b))
				}
			}
			p.texts[string(text)] = true
		case ast.Expr:
			p.take(p.info.Types[n].Value)
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.CHAR {
				letter, _ := strconv.Unquote(lit.Value) // it was parsed
				p.texts[letter] = true
			}
		}
	}
}

// take takes a constant that is a text or a whole number; v may be nil.
func (p *program) take(v constant.Value) {
	switch {
	case v == nil:
	case v.Kind() == constant.String:
		p.texts[constant.StringVal(v)] = true
	case constant.ToInt(v).Kind() == constant.Int:
		n, ok := constant.Uint64Val(constant.ToInt(v))
		if i, _ := constant.Int64Val(constant.ToInt(v)); !ok {
			n = uint64(i)
		}
		p.ints[n] = true
	}
}
