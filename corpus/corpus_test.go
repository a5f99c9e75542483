package corpus

import (
	"encoding/json"
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

// A corpus is loaded only if each file is the one that the index describes, and
// each is described once.
func TestLoad(t *testing.T) {
	const remedy = "): run make corpus, or git checkout corpus"
	replaced := func(old, new string) string { return strings.Replace(goodEntry, old, new, 1) }
	for _, test := range []struct {
		name, entries string
		files         map[string]string
		err           string // the whole of it, or how it begins and ends, with … between
	}{
		{"as described", goodEntry, map[string]string{goodFile: "\n"}, ""},
		{"a byte more", goodEntry, map[string]string{goodFile: "\r\n"},
			"corpus/malformed/malformed_one.bin is not what corpus/index.json says (sha256 …" + remedy},
		{"another byte", goodEntry, map[string]string{goodFile: "\r"},
			"corpus/malformed/malformed_one.bin is not what corpus/index.json says (sha256 …" + remedy},
		{"no file", goodEntry, nil,
			"corpus/malformed/malformed_one.bin is not what corpus/index.json says (…file does not exist" + remedy},
		{"a file too many", goodEntry, map[string]string{goodFile: "\n", "legacy/stray.bin": ""},
			"corpus/legacy/stray.bin is no case: add a row to corpus/table and run make corpus, or remove the file"},
		{"a file of two cases", goodEntry + "," + goodEntry, map[string]string{goodFile: "\n"},
			"corpus/index.json names malformed/malformed_one.bin twice"},
		{"a guarantee that there is not", replaced("malformed-fails", "well"), map[string]string{goodFile: "\n"},
			`corpus/index.json: …there is no guarantee "well"`},
		{"no guarantee", replaced(`,"guarantee":"malformed-fails"`, ""), map[string]string{goodFile: "\n"},
			"corpus/index.json: case malformed_one has no guarantee"},
		{"options of no such field", replaced("error/malformed", `options","options":{"debug":7},"note":"`),
			map[string]string{goodFile: "\n"},
			"corpus/index.json: case malformed_one: …"},
		{"no JSON", "7,", nil, "corpus/index.json: …"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{"index.json": {Data: []byte(`{"cases":[` + test.entries + `]}`)}}
			for name, text := range test.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			cases, err := load(fsys)
			if test.err == "" {
				if err != nil || len(cases) != 1 || string(cases[0].Payload.Bytes) != "\n" {
					t.Errorf("%v, %v", cases, err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			begin, end, _ := strings.Cut(test.err, "…")
			if text := err.Error(); !strings.HasPrefix(text, begin) || !strings.HasSuffix(text, end) ||
				strings.Contains(text, "\n") {
				t.Errorf("%s\nwant %s", text, test.err)
			}
		})
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

// The flags of the index's cases are explained, the answer options has options, and the
// cases of a class have the same ones.
func TestIndex(t *testing.T) {
	text, err := files.ReadFile(IndexFile)
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
	classes := make(map[string]string)
	for _, c := range index.Cases {
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
}
