package table

import (
	"bytes"
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

// A file without an entry gets one, with the reference's answer, and nothing else changes.
func TestWrite(t *testing.T) {
	for _, test := range []struct{ name, file, bytes, want string }{
		{"nothing new", "", "", ""},
		{"malformed", "malformed/malformed_new.bin", "\xff",
			`"size":1,"sha256":"a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89",` +
				`"outcome":"error/malformed","guarantee":"malformed-fails"}`},
		{"options", "legacy/legacy_new.bin", "\x0a\x1ccontainerd.runhcs.v1.Options\x12\x02\x08\x01",
			`"outcome":"options","options":{"debug":true},"guarantee":"as-sent"}`},
		{"a freedom", "ambiguous/ambiguous_new.bin", "\x12\x01\xff\x0a\x05web-1\x12\x06k8s.io",
			`"outcome":"error/foreign","or":["error/malformed","none"],"guarantee":"foreign-fails"}`},
		{"another family", "legacy/malformed_new.bin", "\xff", "ERROR corpus/legacy/malformed_new.bin must be "},
		{"no file", "-malformed/malformed_one_byte_ff.bin", "",
			"ERROR case malformed_one_byte_ff of corpus/index.json: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "corpus")
			if err := os.CopyFS(dir, os.DirFS("../../corpus")); err != nil {
				t.Fatal(err)
			}
			if gone, found := strings.CutPrefix(test.file, "-"); found {
				os.Remove(filepath.Join(dir, gone))
			} else if test.file != "" {
				os.WriteFile(filepath.Join(dir, test.file), []byte(test.bytes), 0o666)
			}
			err := Write(root)
			text, _ := os.ReadFile(filepath.Join(dir, "index.json"))
			if want, fails := strings.CutPrefix(test.want, "ERROR "); fails {
				if err == nil || !strings.HasPrefix(err.Error(), want) || !bytes.Equal(text, corpus.IndexText()) {
					t.Errorf("%v, want %s…, and the index as it was", err, want)
				}
				return
			}
			before := strings.TrimSuffix(string(corpus.IndexText()), "\n  ]\n}\n")
			added, unchanged := strings.CutPrefix(string(text), before)
			if isNew := added != "\n  ]\n}\n"; err != nil || !unchanged || isNew != (test.file != "") ||
				!strings.Contains(added, test.want) {
				t.Errorf("%v; added %s, want %s", err, added, test.want)
			}
		})
	}
}
