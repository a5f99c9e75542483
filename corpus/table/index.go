package table

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
)

// Case is a payload and the right answer to it, as the index has it.
type Case struct {
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

	payload []byte
}

// Sum is what SHA256 is of these bytes.
func Sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

// IndexFile is the index's path below corpus/.
const IndexFile = "index.json"

const comment = "Payloads for the standard input of containerd-shim-runhcs-v1, and the right answer to each. " +
	"file: the raw bytes, size and sha256: of these. outcome: options (decoded, see options), none (defaults), " +
	"error/malformed or error/foreign. or: other outcomes that are right, too (docs/contract.md, Freedoms). " +
	"options: containerd.runhcs.v1.Options as protobuf JSON. guarantee: what a wrong answer breaks, see " +
	"docs/contract.md. class: cases of one class have the same meaning and must decode identically. " +
	"origin: which containerd wrote these bytes, and what it was asked for. Written by make corpus."

// Files returns the corpus, its index and libFuzzer's dictionary as files by their path
// from the root, the same bytes every time.
func Files() (map[string][]byte, error) {
	var t table
	for _, add := range []func(){t.senders, t.fields, t.urls, t.orders, t.varints, t.repeats, t.defaults, t.unknowns,
		t.ambients, t.neighbours, t.foreign, t.clashes, t.ambiguous, t.identifiers, t.damaged, t.otherFormats,
		t.elements, t.texts} {
		add()
	}
	if err := t.recorded(); err != nil {
		return nil, err
	}
	files := map[string][]byte{"oss-fuzz/readoptions.dict": dictionary()}
	for i := range t {
		t[i].complete()
		files["corpus/"+t[i].File] = t[i].payload
	}
	index, err := t.index()
	files["corpus/"+IndexFile] = index
	return files, err
}

// complete fills in what follows from the rest.
func (c *Case) complete() {
	family, _, _ := strings.Cut(c.Name, "_")
	c.File, c.Size, c.SHA256 = family+"/"+c.Name+".bin", len(c.payload), Sum(c.payload)
	c.Guarantee = contract.GuaranteeOf(c.Outcome)
	switch {
	case c.Outcome.IsError():
	case slices.Contains(c.Flags, "Ambiguous"):
		c.Guarantee = contract.NonInterference
	case c.Class != "":
		c.Guarantee = contract.Equivalent
	}
	if c.Options != nil {
		c.Options = asJSON(parse(string(c.Options)))
	}
}

// asJSON is options as protobuf JSON, whose white space the index does not keep.
func asJSON(opts proto.Message) json.RawMessage {
	text, err := protojson.Marshal(opts)
	if err != nil {
		panic(fmt.Sprintf("table: %v: %v", opts, err)) // no string in the table is not UTF-8
	}
	return text
}

// index writes one line a case, which diffs well. Format 2 has sets of answers (or).
func (t table) index() ([]byte, error) {
	flags, err := json.MarshalIndent(flags, "  ", "  ")
	if err != nil {
		return nil, err
	}
	cases, err := Lines(t, "    ")
	return fmt.Appendf(nil, "{\n  \"format\": 2,\n  \"comment\": %q,\n  \"flags\": %s,\n  \"cases\": [\n%s\n  ]\n}\n",
		comment, flags, cases), err
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
