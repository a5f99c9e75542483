package grammar

import (
	"slices"
	"strings"
)

// Tokens returns what may stand at a level, the known fields first.
func (g *Grammar) Tokens(l Level) []Token { return g.tokens()[l] }

func (g *Grammar) allTokens() map[Level][]Token {
	common := func(l Level) []Token { return slices.Concat(unknowns(g.sites[l]), faultsOf(l, g.sites[l])) }
	top := distinct(g.topTokens(), common(Bootstrap))
	for _, t := range faultsOf(Legacy, g.sites[Legacy]) {
		has := func(other Token) bool { return string(other.Bytes) == string(t.Bytes) }
		if t.Kind == Fault && !slices.ContainsFunc(top, has) {
			t.Name = "any-" + t.Name
			top = append(top, t)
		}
	}
	return map[Level][]Token{
		// At the top level a string that is not UTF-8 is a fault of some messages only.
		Top:       slices.DeleteFunc(top, func(t Token) bool { return t.Rules == "M11" && t.Kind == Fault }),
		Extension: distinct(g.extensionTokens(), common(Extension)),
		Any:       distinct(g.anyTokens(), common(Any)),
		Options:   distinct(g.optionsTokens(), common(Options)),
		Entry:     distinct(entryTokens(1, "key"), entryTokens(2, "value"), common(Entry)),
		// How deep a group is depends on where it stands.
		Group: slices.DeleteFunc(distinct(common(Group)), func(t Token) bool {
			return strings.Contains(t.Rules, "depth") && (t.Kind != Sound || t.Freedom != "")
		}),
	}
}

// distinct leaves out the tokens whose bytes an earlier one has.
func distinct(lists ...[]Token) []Token {
	seen := make(map[string]bool)
	return slices.DeleteFunc(slices.Concat(lists...), func(t Token) bool {
		again := seen[string(t.Bytes)]
		seen[string(t.Bytes)] = true
		return again
	})
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
	annotation := func(t []Token) Token { return message(g.entries.Number(), "", "", t...) }
	groups := func(name string, payload func(group Token) []Token) Context {
		return Context{"group in " + name, Group, func(t []Token) []Token { return payload(group(t)) }}
	}
	debug := value("debug", g.sent)
	list := []Context{
		{"top", Top, func(t []Token) []Token { return t }},
		{"Extension", Extension, inParams},
		{"Any in an extension", Any, inAny},
		{"Options in an extension", Options, g.inOptions},
		{"Options in a legacy Any", Options, g.legacy},
		{"annotation in an extension", Entry, func(t []Token) []Token { return g.inOptions([]Token{annotation(t)}) }},
		{"annotation in a legacy Any", Entry, func(t []Token) []Token { return g.legacy([]Token{annotation(t)}) }},
		groups("BootstrapParams", func(t Token) []Token { return []Token{t, version, g.inExtension(g.sent)} }),
		groups("a legacy Any", func(t Token) []Token { return []Token{g.ours, t, debug} }),
		groups("an Extension", func(t Token) []Token { return inParams([]Token{t, piece("", g.ours, debug)}) }),
		groups("an Any", func(t Token) []Token { return inAny([]Token{g.ours, debug, t}) }),
		groups("Options in an extension", func(t Token) []Token { return g.inOptions([]Token{g.sent, t}) }),
		groups("Options in a legacy Any", func(t Token) []Token { return g.legacy([]Token{t, g.sent}) }),
		groups("an annotation", func(t Token) []Token {
			return g.legacy([]Token{annotation([]Token{text(1, "", "", "k"), t, text(2, "", "", "v")})})
		}),
	}
	return slices.DeleteFunc(list, func(c Context) bool {
		return g.entries == nil && strings.Contains(c.Name, "annotation")
	})
}

// inParams, inAny and inOptions are the payload around an Extension's tokens, around those
// of the Any in it, and around those of the Options in that.
func inParams(t []Token) []Token { return []Token{version, extension("", "", t...)} }

func inAny(t []Token) []Token { return inParams([]Token{piece("", t...)}) }

func (g *Grammar) inOptions(t []Token) []Token { return inAny([]Token{g.ours, value("", t...)}) }

// legacy is an Any around the tokens of Options.
func (g *Grammar) legacy(t []Token) []Token { return []Token{g.ours, value("", t...)} }

// group is a group of these tokens, of a number that is known nowhere.
func group(inside []Token) Token {
	const start, end = "\x83\x7d", "\x84\x7d" // of number 2000
	t := raw("group", "", []byte(start), Encode(inside), []byte(end))
	var r reading
	r.enter(inside)
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
