package table

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/internal/contract"
)

// Index is the content of corpus/index.json.
type Index struct {
	Format  int             `json:"format"` // docs/conformance.md describes it
	Comment string          `json:"comment"`
	Flags   map[string]Flag `json:"flags"`
	Cases   []Entry         `json:"cases"`
}

// Flag explains what the cases that carry it are about.
type Flag struct {
	Description string   `json:"description"`
	Links       []string `json:"links,omitempty"`
}

// Entry is a case as the index has it.
type Entry struct {
	Name      string             `json:"name"`
	File      string             `json:"file"` // below corpus/, raw bytes
	Size      int                `json:"size"`
	SHA256    string             `json:"sha256"` // hexadecimal
	Outcome   contract.Kind      `json:"outcome"`
	Or        []contract.Kind    `json:"or,omitempty"`      // the other answers that the contract allows
	Options   json.RawMessage    `json:"options,omitempty"` // protobuf JSON
	Guarantee contract.Guarantee `json:"guarantee"`
	Class     string             `json:"class,omitempty"`
	Flags     []string           `json:"flags,omitempty"`
	Note      string             `json:"note,omitempty"`
	Origin    *Origin            `json:"origin,omitempty"` // of a recorded one
}

// Sum is what SHA256 is of these bytes.
func Sum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// IndexFile is the index's path below corpus/.
const IndexFile = "index.json"

// dictionaryFile is the path of libFuzzer's dictionary from the root.
const dictionaryFile = "oss-fuzz/readoptions.dict"

const comment = "Payloads for the standard input of containerd-shim-runhcs-v1, and the right answer to each. " +
	"file: the raw bytes, size and sha256: of these. outcome: options (decoded, see options), none (defaults), " +
	"error/malformed or error/foreign. or: other outcomes that are right, too (docs/contract.md, Freedoms). " +
	"options: containerd.runhcs.v1.Options as protobuf JSON. guarantee: what a wrong answer breaks, see " +
	"docs/contract.md. class: cases of one class have the same meaning and must decode identically. " +
	"origin: which containerd wrote these bytes, and what it was asked for. " +
	"Written by make corpus."

// format is the version of the index. 2 has sets of answers (or).
const format = 2

// Files returns the corpus, its index and the dictionary as files by their path
// from the root, the same bytes every time.
func Files() (map[string][]byte, error) {
	files := map[string][]byte{dictionaryFile: dictionary()}
	index := Index{Format: format, Comment: comment, Flags: Flags}
	classes := make(map[string]string)
	cases, err := Cases()
	if err != nil {
		return nil, err
	}
	for _, c := range cases {
		entry, err := c.entry()
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", c.Name, err)
		}
		if _, ok := files["corpus/"+entry.File]; ok {
			return nil, fmt.Errorf("two cases are named %s", c.Name)
		}
		files["corpus/"+entry.File] = c.Payload
		index.Cases = append(index.Cases, entry)
		if said, ok := classes[c.Class]; ok && c.Class != "" && said != string(entry.Options) {
			return nil, fmt.Errorf("case %s does not say what the others of class %s say", c.Name, c.Class)
		}
		classes[c.Class] = string(entry.Options)
	}
	text, err := index.format()
	files["corpus/"+IndexFile] = text
	return files, err
}

func (c Case) entry() (Entry, error) {
	e := Entry{Name: c.Name, File: c.Family() + "/" + c.Name + ".bin", Size: len(c.Payload), SHA256: Sum(c.Payload),
		Outcome: c.Want, Or: c.Or, Guarantee: c.guarantee(), Class: c.Class, Flags: c.Flags, Note: c.Note,
		Origin: c.Origin}
	for _, f := range c.Flags {
		if _, ok := Flags[f]; !ok {
			return e, fmt.Errorf("flag %s is not explained", f)
		}
	}
	if (c.Want == contract.Options || slices.Contains(c.Or, contract.Options)) != (c.Options != "") {
		return e, fmt.Errorf("outcome %s or %v with options %q", c.Want, c.Or, c.Options)
	}
	if c.Options == "" {
		return e, nil
	}
	// protojson varies its white space on purpose; the compact form does not.
	text, err := protojson.Marshal(parse(c.Options))
	if err != nil {
		return e, err
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, text)
	e.Options = compact.Bytes()
	return e, err
}

// guarantee is what a case is about.
func (c Case) guarantee() contract.Guarantee {
	switch {
	case c.Want != contract.Options && c.Want != contract.None:
		return contract.GuaranteeOf(c.Want)
	case slices.Contains(c.Flags, "Ambiguous"):
		return contract.NonInterference
	case c.Class != "":
		return contract.Equivalent
	}
	return contract.AsSent
}

// format writes one line a case, which diffs well.
func (x Index) format() ([]byte, error) {
	flags, err := json.MarshalIndent(x.Flags, "  ", "  ")
	if err != nil {
		return nil, err
	}
	cases, err := Lines(x.Cases, "    ")
	return fmt.Appendf(nil, "{\n  \"format\": %d,\n  \"comment\": %q,\n  \"flags\": %s,\n  \"cases\": [\n%s\n  ]\n}\n",
		x.Format, x.Comment, flags, cases), err
}

// Lines is a list's items as JSON, each on a line of its own.
func Lines[T any](items []T, indent string) (string, error) {
	all := make([]string, len(items))
	for i, item := range items {
		line, err := MarshalLine(item)
		if err != nil {
			return "", err
		}
		all[i] = indent + string(line)
	}
	return strings.Join(all, ",\n"), nil
}

// MarshalLine is json.Marshal without the escapes that are meant for HTML.
func MarshalLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
