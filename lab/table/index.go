package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
)

// Files returns the corpus with its recorded cases, its index and libFuzzer's dictionary as
// files by their path from the root, the same bytes every time.
func Files(recorded []corpus.Case) map[string][]byte {
	var t table
	for _, add := range []func(){t.senders, t.fields, t.urls, t.orders, t.varints, t.repeats, t.defaults, t.unknowns,
		t.ambients, t.neighbours, t.foreign, t.clashes, t.ambiguous, t.identifiers, t.damaged, t.otherFormats,
		t.elements, t.texts, t.words,
		t.pieces, t.boundaries} {
		add()
	}
	t = append(t, recorded...)
	files := map[string][]byte{"oss-fuzz/readoptions.dict": dictionary()}
	for i := range t {
		complete(&t[i])
		files["corpus/"+t[i].File] = t[i].Payload.Bytes
	}
	files["corpus/index.json"] = index(t)
	return files
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
	if c.Options != nil {
		c.Options = Must(protojson.Marshal(Parse(string(c.Options))))
	}
}

// index is the text of the index with other cases: one line a case, which diffs well.
func index(cases []corpus.Case) []byte {
	const begin = "\n  \"cases\": [\n"
	head, _, _ := bytes.Cut(corpus.IndexText(), []byte(begin))
	return fmt.Appendf(bytes.Clone(head), "%s%s\n  ]\n}\n", begin, Lines(cases, "    "))
}

// Lines is a list's items as JSON, each on a line of its own, without the escapes that are
// meant for HTML.
func Lines[T any](items []T, indent string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, item := range items {
		Must(0, enc.Encode(item)) // what has a form as JSON has it always
	}
	return indent + strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", ",\n"+indent)
}
