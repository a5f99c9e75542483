package corpus

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
)

const (
	goodFile  = "malformed/malformed_one.bin"
	goodEntry = `{"name":"malformed_one","file":"malformed/malformed_one.bin","size":1,` +
		`"sha256":"01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b","outcome":"error/malformed",` +
		`"guarantee":"malformed-fails"}`
)

// A corpus is loaded only if each file is the one that the index describes.
func TestLoad(t *testing.T) {
	const damaged, remedy = "corpus/" + goodFile + " is not what corpus/index.json says (",
		"): git checkout corpus, or make corpus for a new case"
	replaced := func(old, new string) string { return strings.Replace(goodEntry, old, new, 1) }
	for _, test := range []struct {
		name, entry, file string
		begin, end        string // of the error
	}{
		{"as described", goodEntry, "\n", "", ""},
		{"a byte more", goodEntry, "\r\n", damaged + "sha256 ", remedy},
		{"another byte", goodEntry, "\r", damaged + "sha256 ", remedy},
		{"no file", replaced(goodFile, "none"), "\n", "corpus/none is not what ", "file does not exist" + remedy},
		{"a guarantee that there is not", replaced("malformed-fails", "well"), "\n", "corpus/index.json: ",
			`there is no guarantee "well"`},
		{"options of no such field", replaced("error/malformed", `options","options":{"debug":7},"note":"`), "\n",
			"corpus/index.json: case malformed_one: ", ""},
		{"no JSON", "7,", "\n", "corpus/index.json: ", ""},
	} {
		cases, err := load(fstest.MapFS{
			"index.json": {Data: []byte(`{"cases":[` + test.entry + `]}`)}, goodFile: {Data: []byte(test.file)},
		})
		if test.begin == "" {
			if err != nil || len(cases) != 1 || string(cases[0].Payload.Bytes) != test.file {
				t.Errorf("%s: %v, %v", test.name, cases, err)
			}
			continue
		}
		if text := fmt.Sprint(err); !strings.HasPrefix(text, test.begin) || !strings.HasSuffix(text, test.end) ||
			strings.Contains(text, "\n") {
			t.Errorf("%s: %s\nwant %s…%s", test.name, text, test.begin, test.end)
		}
	}
}

// The index gives the answers that the contract allows, no fewer and no more.
func TestAnswers(t *testing.T) {
	cases, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		want := reference.Want(c.Payload.Bytes)
		index := append([]contract.Outcome{c.Payload.Want}, c.Payload.Want.Or...)
		if all := append([]contract.Outcome{want}, want.Or...); len(all) != len(index) {
			t.Errorf("%s: the index has %v, the reference %v", c.Name, index, all)
		}
		if diff := contract.Diff(want, c.Payload.Want); diff != "" {
			t.Errorf("%s: %s", c.Name, diff)
		}
	}
}

// Each file has one case, with a guarantee. Flags are explained, the answer options has
// options, and the cases of a class have the same ones.
func TestIndex(t *testing.T) {
	text, err := files.ReadFile("index.json")
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Flags map[string]struct{ Description string }
		Cases []Case
	}
	if err := json.Unmarshal(text, &index); err != nil {
		t.Fatal(err)
	}
	classes, named := make(map[string]string), make(map[string]int)
	for _, c := range index.Cases {
		named[c.File]++
		if c.Guarantee.Name == "" {
			t.Errorf("%s has no guarantee", c.Name)
		}
		for _, f := range c.Flags {
			if index.Flags[f].Description == "" {
				t.Errorf("%s: the head of index.json does not explain the flag %s", c.Name, f)
			}
		}
		if slices.Contains(append(c.Or, c.Outcome), contract.Options) != (c.Options != nil) {
			t.Errorf("%s: outcome %s or %v with options %s", c.Name, c.Outcome, c.Or, c.Options)
		}
		if said, ok := classes[c.Class]; ok && c.Class != "" && said != string(c.Options) {
			t.Errorf("%s does not say what the others of class %s say", c.Name, c.Class)
		}
		classes[c.Class] = string(c.Options)
	}
	all, err := fs.Glob(files, "*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		if named[file] != 1 {
			t.Errorf("corpus/%s is %d cases, want 1: run make corpus, or remove the file", file, named[file])
		}
	}
}
