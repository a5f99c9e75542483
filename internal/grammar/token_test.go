package grammar

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/docs"
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
				if covered[id] = true; docs.Rule(id) == "" {
					t.Errorf("%s: %s is an example of %s, which docs/contract.md does not have", l, e.Name, id)
				}
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
