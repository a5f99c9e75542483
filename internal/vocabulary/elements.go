package vocabulary

import (
	"slices"
	"strings"
	"sync"
)

// Elements returns what may stand at a level, the known fields first.
func Elements(l Level) []Element { return tables()[l] }

var tables = sync.OnceValue(func() map[Level][]Element {
	known := map[Level]func() []Element{
		Top: topElements, Extension: extensionElements, Any: anyElements, Options: optionsElements, Entry: entryElements,
		Group: func() []Element { return nil },
	}
	all := make(map[Level][]Element)
	for _, l := range Levels {
		all[l] = slices.Concat(known[l](), unknowns(places[l]), Faults(l))
	}
	// How deep a group is depends on where it stands.
	all[Group] = slices.DeleteFunc(all[Group], func(e Element) bool {
		return strings.Contains(e.Rules, "depth") && (e.Kind != Sound || e.Freedom != "")
	})
	return all
})

// Place is a message whose elements are walked, and the payload around it.
type Place struct {
	Name  string
	Level Level
	// Payload returns the elements of the top level of a payload with these there.
	Payload func(elements []Element) []Element
}

// version makes a payload one of BootstrapParams.
var version = text(4, "version", "", "2.3.7")

// Places are where each level's elements stand.
var Places = slices.Concat([]Place{
	{"top", Top, func(e []Element) []Element { return e }},
	{"Extension", Extension, inParams(func(e []Element) []Element { return e })},
	{"Any in an extension", Any, inParams(inAny)},
	{"Options in an extension", Options, inParams(func(e []Element) []Element { return inAny([]Element{ours, value("", e...)}) })},
	{"Options in a legacy Any", Options, legacy},
	{"annotation in an extension", Entry, inParams(func(e []Element) []Element { return inAny([]Element{ours, value("", message(18, "", e...))}) })},
	{"annotation in a legacy Any", Entry, func(e []Element) []Element { return legacy([]Element{message(18, "", e...)}) }},
}, groups())

func inAny(e []Element) []Element { return []Element{piece("", e...)} }

func legacy(e []Element) []Element { return []Element{ours, value("", e...)} }

// inParams is a place within an Extension of BootstrapParams.
func inParams(extensionOf func([]Element) []Element) func([]Element) []Element {
	return func(e []Element) []Element {
		return []Element{version, extension("", "", extensionOf(e)...)}
	}
}

// groups are a group of a number that is known nowhere, at each level.
func groups() []Place {
	in := func(name string, around func(group Element) []Element) Place {
		return Place{"group in " + name, Group, func(e []Element) []Element { return around(group(e)) }}
	}
	anyOf := func(e ...Element) []Element { return inParams(inAny)(e) }
	debug := value("debug", sent)
	entry := func(g Element) Element { return message(18, "", text(1, "", "", "k"), g, text(2, "", "", "v")) }
	return []Place{
		in("BootstrapParams", func(g Element) []Element { return []Element{g, version, inExtension(sent)} }),
		in("a legacy Any", func(g Element) []Element { return []Element{ours, g, debug} }),
		in("an Extension", func(g Element) []Element {
			return []Element{version, extension("", "", g, piece("", ours, debug))}
		}),
		in("an Any", func(g Element) []Element { return anyOf(ours, debug, g) }),
		in("Options in an extension", func(g Element) []Element { return anyOf(ours, value("", sent, g)) }),
		in("Options in a legacy Any", func(g Element) []Element { return legacy([]Element{g, sent}) }),
		in("an annotation", func(g Element) []Element { return legacy([]Element{entry(g)}) }),
	}
}

// group is a group of these elements.
func group(inside []Element) Element {
	const start, end = "\x83\x7d", "\x84\x7d" // of number 2000
	g := raw("group", "", []byte(start), Encode(inside), []byte(end))
	r := newReading(inside)
	switch {
	case r.unknown, r.malformed && inside[len(inside)-1].Kind == Open:
		g.Kind = Unclear
	case r.malformed:
		g.Kind = Fault
	}
	if r.free {
		g.Freedom = "in a group"
	}
	return g
}
