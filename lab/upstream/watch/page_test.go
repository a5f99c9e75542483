package watch

import (
	"errors"
	"strings"
	"testing"
)

func answers(text, finding string) map[string]Answer {
	return map[string]Answer{"hcsshim: c": {text, finding}}
}

// Whatever changed needs someone, but for messages that came.
func TestSection(t *testing.T) {
	types, fields := []string{"a.B"}, []string{"a.B: 1 c, string"}
	before := &Snapshot{answers("none", "lost"), []string{"a.B.old"}, types, fields}
	for _, test := range []struct {
		name  string
		after Snapshot
		err   error
		needs int
		want  []string
	}{
		{"nothing", *before, nil, 0, nil},
		{"a finding went", Snapshot{answers("options {}", ""), nil, types, fields}, nil, 2,
			[]string{"1 findings that went", "lost in hcsshim", "hcsshim: none (lost) -> options: 1, such as c"}},
		{"another wrong answer", Snapshot{answers("none", Unexplained), nil, types, fields}, nil, 3,
			[]string{"1 findings that went", "1 findings that came", "wrong, no finding in hcsshim",
				"none (lost) -> none (wrong, no finding)"}},
		{"other options", Snapshot{answers("none {}", "lost"), nil, types, fields}, nil, 1,
			[]string{"none (lost) -> none (lost): 1, such as c"}},
		{"no decoder", Snapshot{nil, nil, types, fields}, nil, 2, []string{"none (lost) -> no such decoder"}},
		{"a field without a case", Snapshot{before.Answers, []string{"a.B.f", "a.B.old"}, types, fields}, nil, 1,
			[]string{"1 fields that no case sets", "    a.B.f\n"}},
		{"a type and a field", Snapshot{before.Answers, nil, append(types, "a.D"),
			append(fields, "a.B: 2 f, string", "a.D: 1 e, string")}, nil, 0,
			[]string{"1 message types that came", "    a.D\n", "1 fields of other types", "a.B: 2 f, string"}},
		{"no build", Snapshot{}, errors.New("no readOptions"), 1, []string{"1 it cannot be built",
			"    no readOptions\n"}},
	} {
		p := new(page)
		p.section(release{"example.com/m", "v1.0.0", "v1.1.0"}, before, &test.after, test.err)
		if p.needs != test.needs {
			t.Errorf("%s: %d things need someone, want %d:\n%s", test.name, p.needs, test.needs, p)
		}
		rest := p.String()
		for _, want := range append([]string{"example.com/m v1.1.0 instead of v1.0.0\n"}, test.want...) {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%s: no %q in\n%s", test.name, want, p)
			}
			rest = after
		}
		if test.want == nil && rest != "" {
			t.Errorf("%s: %s", test.name, rest)
		}
	}
}

// A release is newer by its version, not by its text, and a checkout is older than any.
func TestIsNewer(t *testing.T) {
	for _, test := range []struct {
		pinned, newest string
		want           bool
	}{
		{"v1.9.0", "v1.10.0", true}, {"v1.10.0", "v1.9.0", false}, {"v1.0.0", "v1.0.0", false},
		{"v1.1.0-rc.1", "v1.0.0", false}, {"../hcsshim", "v0.15.0", true},
	} {
		if got := (release{"m", test.pinned, test.newest}).isNewer(); got != test.want {
			t.Errorf("%s after %s: %t", test.newest, test.pinned, got)
		}
	}
}
