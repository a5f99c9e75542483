package index

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shimfuzz/corpus"
)

// The index is what Write makes of it: sizes, sums and guarantees follow from the rest.
func TestFiles(t *testing.T) {
	files, err := Files(nil)
	if err != nil || !bytes.Equal(files["corpus/index.json"], corpus.IndexText()) {
		t.Errorf("corpus/index.json is not as make corpus writes it: run make corpus, and commit: %v", err)
	}
	dir := os.DirFS("../../corpus")
	cases, err := read(dir, corpus.IndexText())
	if err != nil {
		t.Fatal(err)
	}
	if added, err := newCases(dir, cases); err != nil || len(added) > 0 {
		t.Errorf("%d files of corpus/ have no entry, %v: run make corpus", len(added), err)
	}
}

// A file without an entry gets one, with the reference's answer. What is no case, or no longer
// the same one, is an error.
func TestWrite(t *testing.T) {
	const name, known = "malformed_known", "malformed/malformed_known.bin"
	entry := func(more string) string {
		return fmt.Sprintf("{\n  \"cases\": [\n{\"name\":%q,\"outcome\":\"error/malformed\"%s}]}", name, more)
	}
	ofFile := entry(`,"file":"` + known + `"`)
	for _, test := range []struct{ name, index, file, bytes, want string }{
		{"nothing new", ofFile, known, "\xff", `"size":1,"sha256":"a8100ae6aa1940d0b663bb31c`},
		{"malformed", ofFile, "malformed/malformed_new.bin", "\xfe",
			`"outcome":"error/malformed","guarantee":"malformed-fails"}`},
		{"options", ofFile, "legacy/legacy_new.bin", "\x0a\x1ccontainerd.runhcs.v1.Options\x12\x02\x08\x01",
			`"outcome":"options","options":{"debug":true},"guarantee":"as-sent"}`},
		{"a freedom", ofFile, "ambiguous/ambiguous_new.bin", "\x12\x01\xff\x0a\x05web-1\x12\x06k8s.io",
			`"outcome":"error/foreign","or":["error/malformed","none"],"guarantee":"foreign-fails"}`},
		{"another family", ofFile, "legacy/malformed_new.bin", "\xfe", "legacy/malformed_new.bin: want corpus/"},
		{"no family", ofFile, "malformed_new.bin", "\xfe", "corpus/malformed_new.bin: want corpus/<family>/"},
		{"another ending", ofFile, "legacy/legacy_new.txt", "", "corpus/legacy/legacy_new.txt: want corpus/<family>/"},
		{"another letter", ofFile, "legacy/legacy_é.bin", "", "corpus/legacy/legacy_é.bin: want corpus/<family>/"},
		{"known bytes", ofFile, "malformed/malformed_new.bin", "\xff", "new.bin has the bytes of case " + name},
		{"changed bytes", entry(`,"file":"` + known + `","sha256":"00"`), known, "\xff", "a case never changes"},
		{"no file", entry(`,"file":"malformed/gone.bin"`), known, "\xff", "case " + name + " of corpus/index.json: "},
		{"another name", strings.Replace(ofFile, name, "malformed_other", 1), known, "\xff", "malformed_other.bin"},
		{"an entry twice", strings.Replace(ofFile, "]}", ","+ofFile[strings.LastIndex(ofFile, "{"):], 1), known, "\xff",
			"has case " + name + " twice"},
		{"another key", entry(`,"remark":"x","file":"` + known + `"`), known, "\xff", `unknown field "remark"`},
		{"another layout", strings.Replace(ofFile, "\n  ", "", 1), known, "\xff", "want a line "},
	} {
		root := t.TempDir()
		write := func(name, text string) {
			name = filepath.Join(root, "corpus", name)
			err := os.MkdirAll(filepath.Dir(name), 0o777)
			if err := errors.Join(err, os.WriteFile(name, []byte(text), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
		write("index.json", test.index)
		write(known, "\xff")
		write(test.file, test.bytes)
		err := Write(io.Discard, root)
		got, _ := os.ReadFile(filepath.Join(root, "corpus", "index.json")) // it is there, written above
		if unchanged := string(got) == test.index; err != nil {
			got = fmt.Appendf(nil, "error: %v; the index as it was: %t", err, unchanged)
		}
		fails := strings.HasSuffix(string(got), "as it was: true")
		if !strings.Contains(string(got), test.want) || fails == strings.Contains(test.want, `":`) {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
	}
}
