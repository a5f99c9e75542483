package vocabulary

import (
	"slices"
	"strings"
)

// Elements returns what may stand at a level, the known fields first.
func (v *Vocabulary) Elements(l Level) []Element { return v.elements()[l] }

func (v *Vocabulary) allElements() map[Level][]Element {
	all := map[Level][]Element{
		Top: v.topElements(), Extension: v.extensionElements(), Any: v.anyElements(), Options: v.optionsElements(),
		Entry: entryElements(), Group: nil,
	}
	for l := range all {
		common := l
		if l == Top {
			common = Bootstrap
		}
		all[l] = distinct(slices.Concat(all[l], unknowns(v.places[common]), v.Faults(common)))
	}
	for _, e := range v.Faults(Legacy) {
		if e.Kind == Fault && !slices.ContainsFunc(all[Top],
			func(other Element) bool { return string(other.Bytes) == string(e.Bytes) }) {
			e.Name = "any-" + e.Name
			all[Top] = append(all[Top], e)
		}
	}
	// At the top level a string that is not UTF-8 is a fault of some messages only.
	all[Top] = slices.DeleteFunc(all[Top], func(e Element) bool { return e.Rules == "M11" && e.Kind == Fault })
	// How deep a group is depends on where it stands.
	all[Group] = slices.DeleteFunc(all[Group], func(e Element) bool {
		return strings.Contains(e.Rules, "depth") && (e.Kind != Sound || e.Freedom != "")
	})
	return all
}

// distinct leaves out the elements whose bytes an earlier one has.
func distinct(elements []Element) (list []Element) {
	seen := make(map[string]bool)
	for _, e := range elements {
		if !seen[string(e.Bytes)] {
			seen[string(e.Bytes)] = true
			list = append(list, e)
		}
	}
	return list
}

// Unknown returns the fields that may stand at a level without a meaning to any reader,
// in encodings that every reader accepts. The caller must not change them.
func (v *Vocabulary) Unknown(l Level) []Element { return v.lesser()[l].unknown }

// Free returns the fields without a meaning at a level that a reader may also refuse. The
// caller must not change them.
func (v *Vocabulary) Free(l Level) []Element { return v.lesser()[l].free }

type lesser struct{ unknown, free []Element }

func (v *Vocabulary) allLesser() map[Level]lesser {
	all := make(map[Level]lesser)
	for l, p := range v.places {
		elements := v.Elements(l)
		if l == Legacy || l == Bootstrap {
			elements = v.Elements(Top)
		}
		unknown := slices.DeleteFunc(slices.Clone(elements), func(e Element) bool {
			return e.Kind != Sound || e.Freedom != "" || e.Alone || e.says.field != 0 || len(e.parts) > 0
		})
		free := slices.DeleteFunc(unknowns(p), func(e Element) bool { return e.Freedom == "" })
		all[l] = lesser{unknown, free}
	}
	return all
}

// Place is a message whose elements are walked, and the payload around it.
type Place struct {
	Name  string
	Level Level
	// Payload returns the elements of the top level of a payload with these there.
	Payload func(elements []Element) []Element
}

// IsAny reports whether the payload around the elements is an Any.
func (p Place) IsAny() bool {
	return !slices.ContainsFunc(p.Payload(nil), func(e Element) bool { return e.says.field > 2 })
}

// version makes a payload one of BootstrapParams.
var version = text(4, "version", "", "2.3.7")

// Places are where each level's elements stand.
func (v *Vocabulary) Places() []Place {
	inOptions := func(e []Element) []Element { return inAny([]Element{v.ours, value("", e...)}) }
	list := []Place{
		{"top", Top, func(e []Element) []Element { return e }},
		{"Extension", Extension, inParams(func(e []Element) []Element { return e })},
		{"Any in an extension", Any, inParams(inAny)},
		{"Options in an extension", Options, inParams(inOptions)},
		{"Options in a legacy Any", Options, v.legacy},
	}
	if v.entries != nil {
		list = append(list,
			Place{"annotation in an extension", Entry,
				inParams(func(e []Element) []Element { return inOptions([]Element{v.entry(e...)}) })},
			Place{"annotation in a legacy Any", Entry,
				func(e []Element) []Element { return v.legacy([]Element{v.entry(e...)}) }})
	}
	return append(list, v.groups()...)
}

func inAny(e []Element) []Element { return []Element{piece("", e...)} }

func (v *Vocabulary) legacy(e []Element) []Element { return []Element{v.ours, value("", e...)} }

// entry is an entry of the map in Options.
func (v *Vocabulary) entry(e ...Element) Element { return message(v.entries.Number(), "", e...) }

// inParams is a place within an Extension of BootstrapParams.
func inParams(extensionOf func([]Element) []Element) func([]Element) []Element {
	return func(e []Element) []Element {
		return []Element{version, extension("", "", extensionOf(e)...)}
	}
}

// groups are a group of a number that is known nowhere, at each level.
func (v *Vocabulary) groups() []Place {
	in := func(name string, around func(group Element) []Element) Place {
		return Place{"group in " + name, Group, func(e []Element) []Element { return around(group(e)) }}
	}
	anyOf := func(e ...Element) []Element { return inParams(inAny)(e) }
	debug := value("debug", v.sent)
	list := []Place{
		in("BootstrapParams", func(g Element) []Element { return []Element{g, version, v.inExtension(v.sent)} }),
		in("a legacy Any", func(g Element) []Element { return []Element{v.ours, g, debug} }),
		in("an Extension", func(g Element) []Element {
			return []Element{version, extension("", "", g, piece("", v.ours, debug))}
		}),
		in("an Any", func(g Element) []Element { return anyOf(v.ours, debug, g) }),
		in("Options in an extension", func(g Element) []Element { return anyOf(v.ours, value("", v.sent, g)) }),
		in("Options in a legacy Any", func(g Element) []Element { return v.legacy([]Element{g, v.sent}) }),
	}
	if v.entries == nil {
		return list
	}
	return append(list, in("an annotation", func(g Element) []Element {
		return v.legacy([]Element{v.entry(text(1, "", "", "k"), g, text(2, "", "", "v"))})
	}))
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
