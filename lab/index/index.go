// Package index writes corpus/index.json, which says of each file of the corpus what the right
// answer to it is.
package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
)

// Write brings the index in line with the files. A file without an entry gets one at the end,
// with the reference's answer, which the author of the case checks. An entry without a file is
// an error.
func Write(root string) error {
	dir := os.DirFS(filepath.Join(root, "corpus"))
	cases, err := read(dir)
	if err != nil {
		return err
	}
	files, err := fs.Glob(dir, "*/*.bin")
	for _, file := range files {
		if slices.ContainsFunc(cases, func(c corpus.Case) bool { return c.File == file }) {
			continue
		}
		c, errCase := newCase(dir, file)
		err = errors.Join(err, errCase)
		cases = append(cases, c)
		fmt.Printf("new: corpus/%s, %s: check that, and give its entry in corpus/index.json flags and a note\n", file,
			c.Outcome)
	}
	if err != nil {
		return err
	}
	fmt.Printf("corpus: %d cases\n", len(cases))
	return os.WriteFile(filepath.Join(root, "corpus", "index.json"), Text(cases), 0o666)
}

// read reads the entries, and the file of each.
func read(dir fs.FS) ([]corpus.Case, error) {
	text, err := fs.ReadFile(dir, "index.json")
	if err != nil {
		return nil, err
	}
	var index struct{ Cases []corpus.Case }
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("corpus/index.json: %w", err)
	}
	for i, c := range index.Cases {
		if index.Cases[i].Payload.Bytes, err = fs.ReadFile(dir, c.File); err != nil {
			return nil, fmt.Errorf("case %s of corpus/index.json: %w", c.Name, err)
		}
	}
	return index.Cases, nil
}

// newCase is the case of a file, with the reference's answer.
func newCase(dir fs.FS, file string) (c corpus.Case, err error) {
	if c.Payload.Bytes, err = fs.ReadFile(dir, file); err != nil {
		return c, err
	}
	want := reference.Want(c.Payload.Bytes)
	c.Name, c.Outcome = strings.TrimSuffix(path.Base(file), ".bin"), want.Kind
	for _, o := range want.Or {
		c.Or = append(c.Or, o.Kind)
	}
	for _, o := range want.All() {
		if o.Options != nil {
			c.Options, err = protojson.Marshal(contract.WithoutUnknown(o.Options))
		}
	}
	if complete(&c); err == nil && c.File != file {
		err = fmt.Errorf("corpus/%s must be corpus/%s: a case's name begins with its family", file, c.File)
	}
	return c, err
}

// Text is the text of the index with these cases: its head, which is written by hand, and a line
// a case, which diffs well.
func Text(cases []corpus.Case) []byte {
	const begin = "\n  \"cases\": [\n"
	head, _, _ := bytes.Cut(corpus.IndexText(), []byte(begin))
	cases = slices.Clone(cases)
	for i := range cases {
		complete(&cases[i])
	}
	return fmt.Appendf(bytes.Clone(head), "%s%s\n  ]\n}\n", begin, Lines(cases, "    "))
}

// complete fills in what follows from the rest.
func complete(c *corpus.Case) {
	family, _, _ := strings.Cut(c.Name, "_")
	c.File, c.Size, c.SHA256 = family+"/"+c.Name+".bin", len(c.Payload.Bytes), corpus.Sum(c.Payload.Bytes)
	c.Guarantee = contract.GuaranteeOf(c.Outcome)
	switch {
	case c.Outcome.IsError():
	case slices.Contains(c.Flags, "Ambiguous"):
		c.Guarantee = contract.NonInterference
	case c.Class != "":
		c.Guarantee = contract.Equivalent
	}
}

// Files returns the index with these cases, and the file of each, by their paths from the root.
// One that the corpus has by its name is in the place of that; the others are at the end.
func Files(cases []corpus.Case) (map[string][]byte, error) {
	all, err := corpus.Load()
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, c := range cases {
		complete(&c)
		files["corpus/"+c.File] = c.Payload.Bytes
		i := slices.IndexFunc(all, func(old corpus.Case) bool { return old.Name == c.Name })
		if i < 0 {
			i, all = len(all), append(all, c)
		}
		all[i] = c
	}
	files["corpus/index.json"] = Text(all)
	return files, nil
}

// Lines is a list's items as JSON, each on a line of its own, without the escapes that are
// meant for HTML.
func Lines[T any](items []T, indent string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, item := range items {
		_ = enc.Encode(item) // it always has a form as JSON
	}
	return indent + strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", ",\n"+indent)
}
