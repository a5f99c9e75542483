package grammar

import (
	"slices"
	"strings"

	"shimfuzz/internal/wire"
)

// level is what may stand at a level.
type level struct {
	tokens   []Token // all of it, the known fields first
	faults   []Token // put into drawn messages: each class of faults of the contract that can affect one
	freedoms []Token // likewise, what a reader may either read on or refuse (docs/contract.md, Freedoms)
	unknown  []Token // fields without a meaning, in an encoding that every reader accepts
	usual    []Token // a message as containerd sends it
}

// Tokens returns what may stand at a level, the known fields first.
func (g *Grammar) Tokens(l Level) []Token { return g.levels()[l].tokens }

func (g *Grammar) allLevels() map[Level]level {
	own := map[Level][]Token{Bootstrap: g.topTokens(), Extension: g.extensionTokens(), Any: g.anyTokens(),
		Options: g.optionsTokens(), Entry: slices.Concat(entryTokens(1, "key"), entryTokens(2, "value"))}
	levels := make(map[Level]level)
	for l, s := range g.sites {
		unknowns, faults, usual := unknowns(s), faultsOf(l, s), g.makeUsual(l)
		more := slices.Concat(groupEnds(), repeated(usual), widths(usual), aliased(g.other(l)))
		tokens := distinct(own[l], unknowns, faults, more)
		switch l {
		case Bootstrap, Legacy:
			tokens = g.allTop(own[Bootstrap], more)
		case Group: // how deep a group is depends on where it stands
			tokens = slices.DeleteFunc(tokens, func(t Token) bool {
				return strings.Contains(t.Rules, "depth") && (t.Kind != Sound || t.Freedom != "")
			})
		}
		levels[l] = level{
			tokens:   tokens,
			faults:   append([]Token{{Name: "truncated"}}, faults...), // which inserts nothing, but cuts a message off
			freedoms: slices.DeleteFunc(unknowns, func(t Token) bool { return t.Freedom == "" }),
			unknown: slices.DeleteFunc(slices.Clone(tokens), func(t Token) bool {
				return t.Kind != Sound || t.Freedom != "" || t.Single || t.means.field != 0
			}),
			usual: usual,
		}
	}
	levels[Top] = levels[Bootstrap]
	return levels
}

// allTop are the tokens of the top level of either family. A string that is not UTF-8 is a
// fault of some messages only.
func (g *Grammar) allTop(own, more []Token) []Token {
	ofAny := faultsOf(Legacy, g.sites[Legacy])
	for i, t := range ofAny {
		ofAny[i].Name = "any-" + t.Name
	}
	ofAny = slices.DeleteFunc(ofAny, func(t Token) bool { return t.Kind != Fault })
	tokens := distinct(own, unknowns(g.sites[Bootstrap]), faultsOf(Bootstrap, g.sites[Bootstrap]), ofAny, more)
	return slices.DeleteFunc(tokens, func(t Token) bool { return t.Rules == "M11" && t.Kind == Fault })
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
func (c Context) IsAny() bool { return Sentence{Top: c.Payload(nil)}.IsAny() }

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
	t := part("group", "", wire.Group(2000, wire.Raw(Encode(inside))))
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
