package index

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shimfuzz/corpus"
)

// The index is what Write makes of it: sizes, sums and guarantees follow from the rest.
func TestText(t *testing.T) {
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Text(cases), corpus.IndexText()) {
		t.Error("corpus/index.json is not as make corpus writes it: run make corpus, and commit")
	}
}

// A file without an entry gets one, with the reference's answer.
func TestWrite(t *testing.T) {
	const entry = `{"name":"malformed_known","file":"malformed/malformed_known.bin"}`
	for _, test := range []struct{ name, file, bytes, want string }{
		{"nothing new", "malformed/malformed_known.bin", "\xff", `"size":1,"sha256":"a8100ae6aa1940d0b663bb31c`},
		{"malformed", "malformed/malformed_new.bin", "\xff",
			`"outcome":"error/malformed","guarantee":"malformed-fails"}`},
		{"options", "legacy/legacy_new.bin", "\x0a\x1ccontainerd.runhcs.v1.Options\x12\x02\x08\x01",
			`"outcome":"options","options":{"debug":true},"guarantee":"as-sent"}`},
		{"a freedom", "ambiguous/ambiguous_new.bin", "\x12\x01\xff\x0a\x05web-1\x12\x06k8s.io",
			`"outcome":"error/foreign","or":["error/malformed","none"],"guarantee":"foreign-fails"}`},
		{"another family", "legacy/malformed_new.bin", "\xff", "error: corpus/legacy/malformed_new.bin must be "},
		{"no file", "malformed/malformed_known.bin", "", "error: case malformed_known of corpus/index.json: "},
	} {
		root := t.TempDir()
		write := func(name, text string) {
			name = filepath.Join(root, "corpus", name)
			if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		write("index.json", `{"cases":[`+entry+`]}`)
		write("malformed/malformed_known.bin", "\xff")
		write(test.file, test.bytes)
		if test.bytes == "" {
			os.Remove(filepath.Join(root, "corpus", test.file))
		}
		err := Write(root)
		got, _ := os.ReadFile(filepath.Join(root, "corpus", "index.json")) // it is there, written above
		if err != nil {
			got = fmt.Appendf(nil, "error: %v", err)
		}
		if !strings.Contains(string(got), test.want) {
			t.Errorf("%s: %.1000s\nwant %s", test.name, got, test.want)
		}
	}
}
