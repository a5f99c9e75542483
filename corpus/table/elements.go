package table

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// elements is what is easily read wrongly, each element alone in as few bytes as can be:
// odd encodings, known numbers with other wire types, zero values, deep groups.
func elements() []Case {
	var cases []Case
	for _, place := range []struct{ family, name string }{
		{"legacy", "Options in a legacy Any"}, {"legacy", "annotation in a legacy Any"},
		{"bootstrap", "Extension"}, {"bootstrap", "Any in an extension"}, {"bootstrap", "Options in an extension"},
	} {
		p := grammar.RunHCS.Contexts()[slices.IndexFunc(grammar.RunHCS.Contexts(),
			func(p grammar.Context) bool { return p.Name == place.name })]
		for _, e := range grammar.RunHCS.Tokens(p.Level) {
			if isCase(e) && (p.Level != grammar.Options || place.family == "legacy" ||
				strings.HasPrefix(e.Name, "field 20")) {
				cases = append(cases, element(place.family, p, e))
			}
		}
	}
	return cases
}

// isCase chooses the elements that stand for others.
func isCase(e grammar.Token) bool {
	if e.Kind != grammar.Sound || e.Rules == "" || len(e.Bytes) > 300 {
		return false
	}
	if !strings.HasPrefix(e.Name, "field") {
		return !e.Single && e.Freedom == ""
	}
	return slices.ContainsFunc([]string{"field 1 ", "field 5 ", "field 8 ", "field 18 ", "field 20 "},
		func(prefix string) bool { return strings.HasPrefix(e.Name, prefix) }) &&
		e.Rules != "S1" && e.Rules != "S2"
}

func element(family string, p grammar.Context, e grammar.Token) Case {
	top := p.Payload([]grammar.Token{e})
	want, _ := grammar.RunHCS.Answer(contract.Stdin, top)
	what := strings.NewReplacer(",", "", " ", "-", ":", "", `"`, "", "^", "-to-the-", "+", "-and-").Replace(e.Name)
	c := Case{Name: fmt.Sprintf("%s_element_%s_%s", family, p.Level, what), Payload: grammar.Encode(top),
		Want: want.Kind, Flags: flags("Element"), Note: p.Name + ": " + e.Name + "."}
	for _, or := range want.Or {
		c.Or, c.Flags = append(c.Or, or.Kind), flags("Element", "Free")
	}
	if want.Options != nil {
		text, err := protojson.Marshal(want.Options)
		if err != nil {
			panic(fmt.Sprintf("table: %s: %v", c.Name, err)) // it has no strings but the grammar's
		}
		c.Options = string(text)
	}
	return c.asReferenceFirst()
}

// identifiers is an ID or a namespace that nearly is one, so no BootstrapParams either.
func identifiers() []Case {
	var cases []Case
	for i, s := range grammar.NotIdentifiers {
		if s == "" {
			continue
		}
		add := func(what string, m wire.Message) {
			cases = append(cases, answered(fmt.Sprintf("ambiguous_near-%s_%02d", what, i), contract.Foreign,
				fmt.Sprintf("%q is no identifier.", s), m, "Ambiguous"))
		}
		add("id", legacy(s, text("k8s.io")))
		add("namespace", legacy("web-1", text(s)))
	}
	return cases
}
