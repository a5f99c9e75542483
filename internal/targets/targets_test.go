package targets

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	target := Target{"FuzzX", []string{"a", "b", "c"}}
	for _, tc := range []struct {
		input string
		want  []string
	}{
		{"", []string{"", "", ""}},
		{"payload", []string{"payload", "", ""}},
		{"a" + Separator + "b", []string{"a", "b", ""}},
		{"a" + Separator + "b" + Separator + "c", []string{"a", "b", "c"}},
		{"a" + Separator + "b" + Separator + "c" + Separator, []string{"a", "b", "c" + Separator}},
	} {
		var got []string
		for _, part := range target.Split([]byte(tc.input)) {
			got = append(got, string(part))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("Split(%q) = %q, want %q", tc.input, got, tc.want)
		}
	}
}

// What the raw target gets is the payload, whatever is in it.
func TestSplitRaw(t *testing.T) {
	input := "x" + Separator + "y"
	if parts := Raw.Split([]byte(input)); len(parts) != 1 || string(parts[0]) != input {
		t.Errorf("%s takes %q for %q", Raw.Name, input, parts)
	}
}

func TestGoFile(t *testing.T) {
	got := string(GoFile([][]byte{{0xff, '"'}, nil}))
	if want := "go test fuzz v1\n[]byte(\"\\xff\\\"\")\n[]byte(\"\")\n"; got != want {
		t.Errorf("GoFile = %q, want %q", got, want)
	}
}
