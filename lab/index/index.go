// Package index writes corpus/index.json, which says of each file of the corpus what the right
// answer to it is.
package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
)

// Write brings the index in line with the files. A file without an entry gets one at the end,
// with the reference's answer, which the author of the case checks. An entry without a file, a
// file that has changed, and one that is no case are errors, and then nothing is written.
func Write(w io.Writer, root string) error {
	dir := os.DirFS(filepath.Join(root, "corpus"))
	old, err := fs.ReadFile(dir, "index.json")
	if err != nil {
		return err
	}
	cases, err := read(dir, old)
	if err != nil {
		return err
	}
	added, err := newCases(dir, cases)
	if err != nil {
		return err
	}
	cases = append(cases, added...)
	text, err := with(old, cases)
	if err != nil {
		return err
	}
	name := filepath.Join(root, "corpus", "index.json")
	if err := os.WriteFile(name+".new", text, 0o666); err != nil { // on a full disk the old one must not be lost
		return errors.Join(err, os.Remove(name+".new"))
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	for _, c := range added {
		fmt.Fprintf(w, "new: corpus/%s: the reference answers %s: check that, and give its entry in corpus/index.json "+
			"flags and a note\n", c.File, c.Outcome)
	}
	_, err = fmt.Fprintf(w, "corpus: %d cases\n", len(cases))
	return err
}

// read reads the entries of an index, and the file of each.
func read(dir fs.FS, text []byte) ([]corpus.Case, error) {
	var index struct {
		Format  int
		Comment string
		Flags   map[string]any
		Cases   []corpus.Case
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // which would be lost
	if err := decoder.Decode(&index); err != nil {
		return nil, fmt.Errorf("corpus/index.json: %w", err)
	}
	for i := range index.Cases {
		c := &index.Cases[i]
		was := *c
		b, err := fs.ReadFile(dir, c.File)
		c.Payload.Bytes = b
		complete(c)
		switch {
		case err != nil:
			return nil, fmt.Errorf("case %s of corpus/index.json: %w: git checkout corpus, or remove the entry",
				c.Name, err)
		case c.File != was.File:
			return nil, fmt.Errorf("case %s of corpus/index.json is of the file %s, which must be %s", c.Name, was.File,
				c.File)
		case was.SHA256 != "" && c.SHA256 != was.SHA256:
			return nil, fmt.Errorf("corpus/%s is not what corpus/index.json says: a case never changes: "+
				"git checkout corpus, or give the file another name", c.File)
		}
	}
	return index.Cases, nil
}

// fileName is the path of a case in the corpus.
var fileName = regexp.MustCompile(`^[a-z]+/[A-Za-z0-9_.-]+\.bin$`)

// newCases are those of the files that none of the cases has.
func newCases(dir fs.FS, cases []corpus.Case) (added []corpus.Case, err error) {
	known, same := make(map[string]bool), make(map[string]string) // files, and the case with a sum
	for _, c := range cases {
		if known[c.File] {
			return nil, fmt.Errorf("corpus/index.json has case %s twice: remove one entry", c.Name)
		}
		known[c.File], same[c.SHA256] = true, c.Name
	}
	err = fs.WalkDir(dir, ".", func(file string, d fs.DirEntry, err error) error {
		beside := !strings.Contains(file, "/") && path.Ext(file) != ".bin" // the index, and what reads it
		if err != nil || d.IsDir() || beside || known[file] {
			return err
		}
		c, err := newCase(dir, file)
		switch {
		case err != nil:
			return err
		case !fileName.MatchString(file) || c.File != file:
			return fmt.Errorf("corpus/%s: want corpus/<family>/<family>_<point>.bin, of letters, digits, _, . and -",
				file)
		case same[c.SHA256] != "":
			return fmt.Errorf("corpus/%s has the bytes of case %s", file, same[c.SHA256])
		}
		added, same[c.SHA256] = append(added, c), c.Name
		return nil
	})
	return added, err
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
	complete(&c)
	return c, err
}

// with is an index with other cases: its head, which is written by hand, and a line a case, which
// diffs well.
func with(index []byte, cases []corpus.Case) ([]byte, error) {
	const begin = "\n  \"cases\": [\n"
	head, _, found := bytes.Cut(index, []byte(begin))
	if !found {
		return nil, fmt.Errorf("corpus/index.json: want a line %q before the cases", strings.TrimSpace(begin))
	}
	cases = slices.Clone(cases)
	for i := range cases {
		complete(&cases[i])
	}
	return fmt.Appendf(bytes.Clone(head), "%s%s\n  ]\n}\n", begin, Lines(cases, "    ")), nil
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
	files["corpus/index.json"], err = with(corpus.IndexText(), all)
	return files, err
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
