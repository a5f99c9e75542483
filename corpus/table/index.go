package table

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

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
func Files() map[string][]byte {
	var t table
	for _, add := range []func(){t.senders, t.fields, t.urls, t.orders, t.varints, t.repeats, t.defaults, t.unknowns,
		t.ambients, t.neighbours, t.foreign, t.clashes, t.ambiguous, t.identifiers, t.damaged, t.otherFormats,
		t.elements, t.texts, t.recorded} {
		add()
	}
	files := map[string][]byte{"oss-fuzz/readoptions.dict": dictionary()}
	for i := range t {
		t[i].complete()
		files["corpus/"+t[i].File] = t[i].payload
	}
	files["corpus/"+IndexFile] = t.index()
	return files
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
		c.Options = must(protojson.Marshal(parse(string(c.Options))))
	}
}

// index writes one line a case, which diffs well. Format 2 has sets of answers (or).
func (t table) index() []byte {
	return fmt.Appendf(nil, "{\n  \"format\": 2,\n  \"comment\": %q,\n  \"flags\": %s,\n  \"cases\": [\n%s\n  ]\n}\n",
		comment, must(json.MarshalIndent(flags, "  ", "  ")), Lines(t, "    "))
}

// Lines is a list's items as JSON, each on a line of its own, without the escapes that are
// meant for HTML.
func Lines[T any](items []T, indent string) string {
	lines := make([]string, len(items))
	for i, item := range items {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(item); err != nil {
			panic(err) // what has a form as JSON has it always
		}
		lines[i] = indent + strings.TrimSpace(b.String())
	}
	return strings.Join(lines, ",\n")
}

// flag explains what the cases that carry it are about.
type flag struct {
	Description string   `json:"description"`
	Links       []string `json:"links,omitempty"`
}

// flags explains every flag that a case may carry.
var flags = map[string]flag{
	"Sender":   {Description: "What some containerd, CRI or client is known to send."},
	"Recorded": {Description: "Written by containerd's own code, see origin. Recorded by make record, never edited."},
	"Create": {Description: "Not of standard input: CreateTaskRequest.Options, the Any that containerd gives a shim " +
		"again in Create."},
	"Range": {Description: "One field of Options at an edge of its range."},
	"Equivalent": {Description: "Has the meaning of the other cases of its class, in bytes that a standard encoder " +
		"would not write but a standard decoder must read.",
		Links: []string{"https://protobuf.dev/programming-guides/encoding/"}},
	"Element": {Description: "One element that is easily read wrongly, in the message that the name says, with " +
		"nothing beside it."},
	"Text": {Description: "A text that is easily changed, in every string of Options: it must arrive as it is."},
	"Ambiguous": {Description: "Well-formed as both messages: a reader that tries one and then the other can mistake " +
		"it for the wrong one.", Links: []string{"https://github.com/microsoft/hcsshim/issues/2780",
		"https://github.com/microsoft/hcsshim/pull/2868"}},
	"Free": {Description: "Good protobuf decoders differ: the contract allows each of the answers of outcome and or."},
	"Foreign": {Description: "Well-formed options of another type.",
		Links: []string{"https://github.com/microsoft/hcsshim/issues/1941"}},
	"Neighbour": {Description: "Extensions of other types before, after or instead of ours: another reader's, to be " +
		"ignored."},
	"Damaged": {Description: "A valid payload with the one fault that the name says, in the message that the name " +
		"says."},
	"OtherFormat": {Description: "Not protobuf, or protobuf inside something else. A comment in bootstrap.proto " +
		"still says JSON."},
}
