package vocabulary

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// elsewhere are the ids of the contract that no element is an example of, with what walks
// them (package properties).
var elsewhere = map[string]string{
	"order":    "sequences, which have each two elements in both orders",
	"repeat":   "sequences, which have each two elements of a field",
	"family":   "Places, which have Options in both families",
	"chunking": "TestWalkReads",
	"oversize": "TestLarge",
}

// Every equivalence, freedom and malformed payload of the contract has an element.
func TestContractIsCovered(t *testing.T) {
	text, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	covered := make(map[string]bool)
	for _, l := range []Level{Top, Extension, Any, Options, Entry, Group} {
		for _, e := range RunHCS.Elements(l) {
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
			t.Errorf("no element is an example of %s", id[1])
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
	for l, md := range map[Level]protoreflect.MessageDescriptor{
		Top:       (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor(),
		Extension: (*bootstrap.Extension)(nil).ProtoReflect().Descriptor(),
		Any:       (*anypb.Any)(nil).ProtoReflect().Descriptor(), Options: RunHCS.message.Descriptor(),
		Entry: RunHCS.message.Descriptor().Fields().ByName("default_container_annotations").Message(),
	} {
		for i := range md.Fields().Len() {
			fd := md.Fields().Get(i)
			types := make(map[protowire.Type]bool)
			zero := false
			for _, e := range RunHCS.Elements(l) {
				parsed, rest := wire.Parse(e.Bytes)
				if len(parsed) == 0 || len(rest) > 0 || parsed[0].Num != fd.Number() || e.Kind != Sound {
					continue
				}
				types[parsed[0].Type] = true
				zero = zero || e.says.field == fd.Number() && len(strings.Trim(string(parsed[0].Value), "\x00")) == 0
			}
			if len(types) != 5 || !zero {
				t.Errorf("%s: field %s has elements of %d wire types, and one of zero: %t", l, fd.Name(), len(types),
					zero)
			}
		}
	}
}

// An element that is sound is whole fields, and one that is not is none.
func TestKinds(t *testing.T) {
	for _, l := range []Level{Top, Extension, Any, Options, Entry} {
		names := make(map[string]bool)
		for _, e := range RunHCS.Elements(l) {
			_, rest := wire.Parse(e.Bytes)
			if e.Kind == Sound && e.Freedom == "" && len(rest) > 0 {
				t.Errorf("%s: %s is sound, but not whole", l, e.Name)
			}
			if e.Kind != Sound && len(rest) == 0 && !strings.Contains(e.Rules, "M11") &&
				e.Name != "group-field-above-max" {
				t.Errorf("%s: %s is not sound, but reads as fields", l, e.Name)
			}
			if names[e.Name] {
				t.Errorf("%s: two elements are named %s", l, e.Name)
			}
			names[e.Name] = true
		}
	}
}

// The lists hold what they say, by two ways to recognise an identifier.
func TestIdentifiers(t *testing.T) {
	for _, s := range slices.Concat(Identifiers, Namespaces) {
		if !isIdentifier(s) || !stdin.IsIdentifier(s) {
			t.Errorf("%q is no identifier", s)
		}
	}
	for _, s := range NotIdentifiers {
		if isIdentifier(s) || stdin.IsIdentifier(s) {
			t.Errorf("%q is an identifier", s)
		}
	}
}

// In CreateTaskRequest.Options there is only an Any, whatever else the elements say.
func TestAnswerCreate(t *testing.T) {
	v := RunHCS
	ours, sent, sentOther, legacy, inExtension, places := v.ours, v.sent, v.sentOther, v.legacy, v.inExtension, v.places
	for _, test := range []struct {
		name string
		top  []Element
		want string
	}{
		{"nothing", nil, "none"},
		{"Options", legacy([]Element{sent}), "options debug:true"},
		{"Options among the fields of BootstrapParams", append(legacy([]Element{sent}), version,
			inExtension(sentOther)), "options debug:true"},
		{"BootstrapParams", []Element{version, inExtension(sent)}, "error/foreign"},
		{"an ID and a namespace", []Element{identity(1, "web-1"), identity(2, "p1")}, "error/foreign"},
		{"a damaged value", []Element{ours, value("damaged", damaged)}, "error/malformed"},
		{"an address that is not UTF-8", append(legacy([]Element{sent}), text(4, "", "", "\xff")),
			"options debug:true"},
		{"a claim on what follows", []Element{ends(places[Legacy])[0], ours}, "not known"},
	} {
		want, known := v.AnswerCreate(test.top)
		got := want.String()
		if !known {
			got = "not known"
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	any := 0
	for _, p := range v.Places() {
		if p.IsAny() {
			any++
		}
	}
	if any != 6 {
		t.Errorf("%d places are in an Any, want 6", any)
	}
}

// The answer follows from what the elements say.
func TestAnswer(t *testing.T) {
	v := RunHCS
	ours, sent, sentOther, legacy, inExtension, places := v.ours, v.sent, v.sentOther, v.legacy, v.inExtension, v.places
	damagedValue := value("damaged", damaged)
	bools := v.bools(v.scalars[0])
	over := bools[len(bools)-3]
	for _, test := range []struct {
		name string
		top  []Element
		want string // and what else is right
	}{
		{"nothing", nil, "none"},
		{"a legacy Any", legacy([]Element{sent}), "options debug:true"},
		{"an extension", []Element{version, inExtension(sent)}, "options debug:true"},
		{"two extensions of ours", []Element{inExtension(sentOther), inExtension(sent)}, `options log_level:"other"`},
		{"the last value", []Element{ours, value("", sentOther), value("", sent)}, "options debug:true"},
		{"a damaged value", []Element{ours, damagedValue}, "error/malformed"},
		{"a damaged value of another type", []Element{v.foreign(), damagedValue}, "error/foreign"},
		{"a damaged value, overwritten", []Element{ours, damagedValue, value("", sent)}, "options debug:true"},
		{"an ID and a namespace", []Element{identity(1, "web-1"), identity(2, "p1")}, "none"},
		{"an ID and no namespace", []Element{identity(1, "web-1")}, "error/foreign"},
		{"a value cut to 64 bits", legacy([]Element{over}), "options, all at their defaults | error/malformed"},
		{"the type URL overwritten", []Element{identity(1, "\xff"), ours, value("", sent)},
			"error/malformed | error/foreign | options debug:true"},
		{"a claim on what follows", legacy([]Element{ends(places[Options])[0], sent}), "not known"},
		{"a claim on what is damaged", []Element{version, extension("", "", ends(places[Extension])[5],
			piece("", damaged))}, "not known"},
		{"a claim on nothing", legacy([]Element{sent, ends(places[Options])[0]}), "error/malformed"},
	} {
		want, known := v.Answer(test.top)
		got := want.String()
		for _, or := range want.Or {
			got += " | " + or.String()
		}
		if !known {
			got = "not known"
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
