package handwritten

import (
	"regexp"
	"strings"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/stdin"
)

// identifiers are bugs in what is taken for a container's ID or for a namespace:
// a message of nothing else has no options, and any other is of another type.
var identifiers = identifierBugs()

// sloppy are rules for identifiers that are not containerd's.
var sloppy = []struct {
	name, why string
	is        func(string) bool
}{
	{"ends-in-newline", "$ in a regular expression of Perl's or Python's.",
		func(s string) bool { return stdin.IsIdentifier(strings.TrimSuffix(s, "\n")) }},
	{"doubles-separators", "[._-]+ for [._-].", matches(`^[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*$`)},
	{"ends-in-separator", "A letter first, and then anything legal.", matches(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)},
	{"starts-with-separator", "Anything legal, and then a letter.", matches(`^[A-Za-z0-9._-]*[A-Za-z0-9]$`)},
	{"has-colon", "Docker's images have one.", matches(`^[A-Za-z0-9]+(?:[._:-][A-Za-z0-9]+)*$`)},
	{"has-slash", "containerd's snapshots have one.", matches(`^[A-Za-z0-9]+(?:[._/-][A-Za-z0-9]+)*$`)},
	{"has-letters-of-unicode", `\pL for A-Za-z.`, matches(`^[\pL0-9]+(?:[._-][\pL0-9]+)*$`)},
	{"has-no-underscore", "A label of DNS has none.", func(s string) bool {
		return stdin.IsIdentifier(s) &&
			!strings.Contains(s, "_")
	}},
	{"has-no-capitals", "A label of Kubernetes has none.", func(s string) bool {
		return stdin.IsIdentifier(s) &&
			s == strings.ToLower(s)
	}},
	{"has-no-digit-first", "An identifier of Go begins with a letter.",
		func(s string) bool { return stdin.IsIdentifier(s) && (s[0] < '0' || s[0] > '9') }},
	{"is-of-any-length", "The regular expression says nothing of a length.", identifier.MatchString},
	{"is-up-to-75", "< for <=.", upTo(75)},
	{"is-up-to-77", "The limit of 76 was counted with the zero at the end.", upTo(77)},
}

var identifier = regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$`)

func matches(expr string) func(string) bool {
	rule := regexp.MustCompile(expr)
	return func(s string) bool { return len(s) <= stdin.MaxIdentifier && rule.MatchString(s) }
}

func upTo(limit int) func(string) bool {
	return func(s string) bool { return len(s) <= limit && identifier.MatchString(s) }
}

func identifierBugs() (all []Bug) {
	for _, rule := range sloppy {
		all = append(all,
			Bug{"id-" + rule.name, rule.why, identified(rule.is, stdin.IsIdentifier)},
			Bug{"namespace-" + rule.name, rule.why, identified(stdin.IsIdentifier, rule.is)})
	}
	return all
}

// identified is a bug in which messages of the fields 1 and 2 have no options.
func identified(isID, isNamespace func(string) bool) func(Read) Read {
	return answers(func(a *answer) {
		id, namespace := a.url(), string(lastBody(a.payload, 2))
		is, right := isID(id) && isNamespace(namespace), stdin.IsIdentifier(id) && stdin.IsIdentifier(namespace)
		if is == right || a.isParams() || namesOptions(id) ||
			proto.Unmarshal(a.payload, new(anypb.Any)) != nil || proto.Unmarshal(a.payload,
			new(bootstrap.BootstrapParams)) != nil {
			return
		}
		if is {
			giveDefaults(a)
		} else {
			refuse(a)
		}
	})
}
