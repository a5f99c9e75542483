package grammar

import (
	"slices"
	"strings"
)

// Tokens returns what may stand at a level, the known fields first.
func (g *Grammar) Tokens(l Level) []Token { return g.tokens()[l] }

func (g *Grammar) allTokens() map[Level][]Token {
	all := map[Level][]Token{
		Top: g.topTokens(), Extension: g.extensionTokens(), Any: g.anyTokens(), Options: g.optionsTokens(),
		Entry: entryTokens(), Group: nil,
	}
	for l := range all {
		common := l
		if l == Top {
			common = Bootstrap
		}
		all[l] = distinct(slices.Concat(all[l], unknowns(g.sites[common]), g.faults()[common]))
	}
	for _, t := range g.faults()[Legacy] {
		has := func(other Token) bool { return string(other.Bytes) == string(t.Bytes) }
		if t.Kind == Fault && !slices.ContainsFunc(all[Top], has) {
			t.Name = "any-" + t.Name
			all[Top] = append(all[Top], t)
		}
	}
	// At the top level a string that is not UTF-8 is a fault of some messages only.
	all[Top] = slices.DeleteFunc(all[Top], func(t Token) bool { return t.Rules == "M11" && t.Kind == Fault })
	// How deep a group is depends on where it stands.
	all[Group] = slices.DeleteFunc(all[Group], func(t Token) bool {
		return strings.Contains(t.Rules, "depth") && (t.Kind != Sound || t.Freedom != "")
	})
	return all
}

// distinct leaves out the tokens whose bytes an earlier one has.
func distinct(tokens []Token) (list []Token) {
	seen := make(map[string]bool)
	for _, t := range tokens {
		if !seen[string(t.Bytes)] {
			seen[string(t.Bytes)] = true
			list = append(list, t)
		}
	}
	return list
}

// Context is a message whose tokens are enumerated, and the payload around it.
type Context struct {
	Name  string
	Level Level
	// Payload returns the tokens of the top level of a payload with these there.
	Payload func(tokens []Token) []Token
}

// IsAny reports whether the payload around the tokens is an Any.
func (c Context) IsAny() bool {
	return !slices.ContainsFunc(c.Payload(nil), func(t Token) bool { return t.means.field > 2 })
}

// Contexts are where each level's tokens stand.
func (g *Grammar) Contexts() []Context {
	list := []Context{
		{"top", Top, func(t []Token) []Token { return t }},
		{"Extension", Extension, inParams},
		{"Any in an extension", Any, inAny},
		{"Options in an extension", Options, g.inOptions},
		{"Options in a legacy Any", Options, g.legacy},
	}
	if g.entries != nil {
		list = append(list,
			Context{"annotation in an extension", Entry,
				func(t []Token) []Token { return g.inOptions([]Token{g.entry(t...)}) }},
			Context{"annotation in a legacy Any", Entry,
				func(t []Token) []Token { return g.legacy([]Token{g.entry(t...)}) }})
	}
	return append(list, g.groups()...)
}

// version makes a payload one of BootstrapParams.
var version = text(4, "version", "", "2.3.7")

// inParams, inAny and inOptions are the payload around an Extension's tokens, around those
// of the Any in it, and around those of the Options in that.
func inParams(t []Token) []Token { return []Token{version, extension("", "", t...)} }

func inAny(t []Token) []Token { return inParams([]Token{piece("", t...)}) }

func (g *Grammar) inOptions(t []Token) []Token { return inAny([]Token{g.ours, value("", t...)}) }

// legacy is an Any around the tokens of Options.
func (g *Grammar) legacy(t []Token) []Token { return []Token{g.ours, value("", t...)} }

// entry is an entry of the map in Options.
func (g *Grammar) entry(t ...Token) Token { return message(g.entries.Number(), "", t...) }

// groups are a group of a number that is known nowhere, at each level.
func (g *Grammar) groups() []Context {
	debug := value("debug", g.sent)
	around := []struct {
		name    string
		payload func(group Token) []Token
	}{
		{"BootstrapParams", func(t Token) []Token { return []Token{t, version, g.inExtension(g.sent)} }},
		{"a legacy Any", func(t Token) []Token { return []Token{g.ours, t, debug} }},
		{"an Extension", func(t Token) []Token { return inParams([]Token{t, piece("", g.ours, debug)}) }},
		{"an Any", func(t Token) []Token { return inAny([]Token{g.ours, debug, t}) }},
		{"Options in an extension", func(t Token) []Token { return g.inOptions([]Token{g.sent, t}) }},
		{"Options in a legacy Any", func(t Token) []Token { return g.legacy([]Token{t, g.sent}) }},
		{"an annotation", func(t Token) []Token {
			return g.legacy([]Token{g.entry(text(1, "", "", "k"), t, text(2, "", "", "v"))})
		}},
	}
	if g.entries == nil {
		around = around[:len(around)-1]
	}
	var list []Context
	for _, a := range around {
		list = append(list, Context{"group in " + a.name, Group,
			func(t []Token) []Token { return a.payload(group(t)) }})
	}
	return list
}

// group is a group of these tokens.
func group(inside []Token) Token {
	const start, end = "\x83\x7d", "\x84\x7d" // of number 2000
	t := raw("group", "", []byte(start), Encode(inside), []byte(end))
	r := newReading(inside)
	switch {
	case r.unknown, r.malformed && inside[len(inside)-1].Kind == Open:
		t.Kind = Unclear
	case r.malformed:
		t.Kind = Fault
	}
	if r.free {
		t.Freedom = "in a group"
	}
	return t
}
