package grammar

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// elsewhere are the ids of the contract that no token is an example of, with what walks
// them (package properties).
var elsewhere = map[string]string{
	"order":    "sequences, which have each two tokens in both orders",
	"repeat":   "sequences, which have each two tokens of a field",
	"family":   "Contexts, which have Options in both families",
	"chunking": "TestWalkReads",
	"oversize": "TestLarge",
}

// Every equivalence, freedom and malformed payload of the contract has a token.
func TestContractIsCovered(t *testing.T) {
	text, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	covered := make(map[string]bool)
	for _, l := range []Level{Top, Extension, Any, Options, Entry, Group} {
		for _, e := range RunHCS.Tokens(l) {
			for id := range strings.FieldsSeq(e.Rules) {
				covered[id] = true
			}
			if e.Freedom != "" && !strings.Contains(e.Rules, e.Freedom) {
				t.Errorf("%s: %s has the freedom %s, but it is there for %q", l, e.Name, e.Freedom, e.Rules)
			}
		}
	}
	ids := regexp.MustCompile("(?m)^\\| `?(M[0-9]+|[a-z]+[a-z0-9-]*)`? \\|").FindAllStringSubmatch(section(string(text),
		"## Freedoms", "## Create and info"), -1)
	if len(ids) < 4+10+14 {
		t.Fatalf("the page has only %d ids", len(ids))
	}
	for _, id := range ids {
		if id[1] != "id" && !covered[id[1]] && elsewhere[id[1]] == "" {
			t.Errorf("no token is an example of %s", id[1])
		}
	}
}

func section(page, from, to string) string {
	_, after, _ := strings.Cut(page, from)
	before, _, _ := strings.Cut(after, to)
	return before
}

// Every field of the messages has right values, zero, and each wrong wire type.
func TestFieldsAreCovered(t *testing.T) {
	for _, l := range []Level{Bootstrap, Extension, Any, Options, Entry} {
		for _, fd := range RunHCS.sites[l].fields {
			types := make(map[protowire.Type]bool)
			zero := false
			for _, e := range RunHCS.Tokens(l) {
				parsed, rest := wire.Parse(e.Bytes)
				if len(parsed) == 0 || len(rest) > 0 || parsed[0].Num != fd.Number() || e.Kind != Sound {
					continue
				}
				types[parsed[0].Type] = true
				zero = zero || e.means.field == fd.Number() && len(strings.Trim(string(parsed[0].Value), "\x00")) == 0
			}
			if len(types) != 5 || !zero {
				t.Errorf("%s: field %s has tokens of %d wire types, and one of zero: %t", l, fd.Name(), len(types),
					zero)
			}
		}
	}
}

// A token that is sound is whole fields, and one that is not is none.
func TestKinds(t *testing.T) {
	for _, l := range []Level{Top, Extension, Any, Options, Entry} {
		names := make(map[string]bool)
		for _, e := range RunHCS.Tokens(l) {
			_, rest := wire.Parse(e.Bytes)
			if e.Kind == Sound && e.Freedom == "" && len(rest) > 0 {
				t.Errorf("%s: %s is sound, but not whole", l, e.Name)
			}
			if e.Kind != Sound && len(rest) == 0 && !strings.Contains(e.Rules, "M11") &&
				e.Name != "group-field-above-max" {
				t.Errorf("%s: %s is not sound, but reads as fields", l, e.Name)
			}
			if names[e.Name] {
				t.Errorf("%s: two tokens are named %s", l, e.Name)
			}
			names[e.Name] = true
		}
	}
}

// The lists hold what they say, by containerd's rule for IDs and namespaces.
func TestIdentifiers(t *testing.T) {
	for _, s := range slices.Concat(Identifiers, Namespaces) {
		if !stdin.IsIdentifier(s) {
			t.Errorf("%q is no identifier", s)
		}
	}
	for _, s := range NotIdentifiers {
		if stdin.IsIdentifier(s) {
			t.Errorf("%q is an identifier", s)
		}
	}
}

// The answer follows from what the tokens say; where it is known, package properties holds
// it to that of the reference. In CreateTaskRequest.Options there is only an Any, whatever
// else they say.
func TestAnswer(t *testing.T) {
	g := RunHCS
	ours, sent, sentOther, legacy, inExtension, sites := g.ours, g.sent, g.sentOther, g.legacy, g.inExtension, g.sites
	damagedValue := value("damaged", damaged)
	bools := bools(1, true)
	over := bools[len(bools)-3]
	for _, test := range []struct {
		in   contract.Input
		name string
		top  []Token
		want string // and what else is right
	}{
		{contract.Stdin, "nothing", nil, "none"},
		{contract.Stdin, "a legacy Any", legacy([]Token{sent}), "options debug:true"},
		{contract.Stdin, "an extension", []Token{version, inExtension(sent)}, "options debug:true"},
		{contract.Stdin, "a damaged value", []Token{ours, damagedValue}, "error/malformed"},
		{contract.Stdin, "an ID and a namespace", []Token{g.identity(1, "web-1"), g.identity(2, "p1")}, "none"},
		{contract.Stdin, "a value cut to 64 bits", legacy([]Token{over}),
			"options, all at their defaults | error/malformed"},
		{contract.Stdin, "the type URL overwritten", []Token{g.identity(1, "\xff"), ours, value("", sent)},
			"error/malformed | error/foreign | options debug:true"},
		{contract.Stdin, "a claim on what follows", legacy([]Token{ends(sites[Options])[0], sent}), "not known"},
		{contract.Stdin, "a claim on what is damaged", []Token{version, extension("", "", ends(sites[Extension])[5],
			piece("", damaged))}, "not known"},
		{contract.Stdin, "a claim on nothing", legacy([]Token{sent, ends(sites[Options])[0]}), "error/malformed"},

		{contract.Create, "Options", legacy([]Token{sent}), "options debug:true"},
		{contract.Create, "Options among the fields of BootstrapParams", append(legacy([]Token{sent}), version,
			inExtension(sentOther)), "options debug:true"},
		{contract.Create, "BootstrapParams", []Token{version, inExtension(sent)}, "error/foreign"},
		{contract.Create, "an ID and a namespace", []Token{g.identity(1, "web-1"), g.identity(2, "p1")},
			"error/foreign"},
		{contract.Create, "a claim on what follows", []Token{ends(sites[Legacy])[0], ours}, "not known"},
	} {
		want, known := g.Answer(test.in, test.top)
		got := want.String()
		for _, or := range want.Or {
			got += " | " + or.String()
		}
		if !known {
			got = "not known"
		}
		if got != test.want {
			t.Errorf("input %d, %s: %s, want %s", test.in, test.name, got, test.want)
		}
	}
	isAny := slices.DeleteFunc(g.Contexts(), func(c Context) bool { return !c.IsAny() })
	if len(isAny) != 6 {
		t.Errorf("%d contexts are in an Any, want 6", len(isAny))
	}
}
