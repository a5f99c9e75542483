package clusterfuzz

import (
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, text string
		typ        string
		lines      []string
	}{
		{"no panic", "#2\tINITED cov: 638\nmain.f()\n", "", nil},
		{"a message", `INFO: Seed: 1
panic: it is wrong
	verdict    wrong
	           shimfuzz/a.inReport()

goroutine 17 [running, locked to thread]:
panic({0x1, 0x2})
	panic.go:1
runtime.gopanic(0x1)
shimfuzz/a/b.skipped({0x1?, 0x2})
shimfuzz/a/b.top()
	/src/a.go:1 +0x1
shimfuzz/a/b.(*T).next(...)
shimfuzz/a/b.last()
==1== ERROR: libFuzzer: deadly signal
`, "ASSERT", []string{"it is wrong", "b.top", "b.(*T).next"}},
		{"of the runtime", "panic: runtime error: index out of range [1] with length 1\n\ngoroutine 1 [running]:\nx/a.f(0x1)\nx/a.assertIt()\nmain.f()\nx/a.g({0x1, {0x2, 0x3}}, ...)\n",
			"index out of range", []string{"a.f", "a.g"}},
		{"a second one", "panic: one\nx/a.f()\n\tpanic: two\nx/a.g()\n", "ASSERT", []string{"two", "a.g"}},
	} {
		if got := Parse(test.text); got.Type != test.typ || !slices.Equal(got.Lines, test.lines) {
			t.Errorf("%s: %v, want %s: %q", test.name, got, test.typ, test.lines)
		}
	}
}

func TestSame(t *testing.T) {
	for _, test := range []struct {
		name string
		a, b []string
		want bool
	}{
		{"nothing", nil, nil, false},
		{"equal", []string{"a"}, []string{"a"}, true},
		{"two lines in common", []string{"one", "f", "g"}, []string{"another message", "f", "g"}, true},
		{"two lines in common, not side by side", []string{"one", "f", "g"}, []string{"one", "something", "g"}, true},
		{"two lines in common in another order", []string{"one", "function", "g"}, []string{"another message", "g", "function"}, false},
		{"one line in common", []string{"FuzzX failed", "f", "g"}, []string{"FuzzX failed", "another", "one"}, false},
		{"alike", []string{"message 1", "function1"}, []string{"message 2", "function2"}, true},
		{"alike enough", []string{"12345"}, []string{"1234512"}, true},
		{"alike to just 0.8", []string{"1234"}, []string{"123456"}, false},
		{"exact", []string{"FuzzerHash=one", "f", "g"}, []string{"FuzzerHash=two", "f", "g"}, false},
	} {
		a, b := State{"ASSERT", test.a}, State{"ASSERT", test.b}
		if got := Same(a, b); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
