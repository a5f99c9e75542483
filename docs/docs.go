// Package docs has the text of contract.md, which reports quote.
package docs

import (
	_ "embed"
	"regexp"
	"strings"
)

//go:embed contract.md
var contract string

// plain takes the marks of Markdown out of a text.
var plain = strings.NewReplacer("**", "", "`", "", "*", "", " | ", " ", "\n  ", "\n")

// link is a link of Markdown.
var link = regexp.MustCompile(`\[(.*?)\]\(.*?\)`)

// Rule returns what docs/contract.md says under an id, "" if it has no such id: the row of a table, or a
// paragraph.
func Rule(id string) string {
	row := "(?m)^\\| `?" + id + "`? \\| (.*) \\|$"
	paragraph := `^(?:- )?\*\*` + id + `\*\* (?s:(.*?))(?:\n\n|\n- \*\*)`
	m := regexp.MustCompile(row + "|" + paragraph).FindStringSubmatch(contract)
	if m == nil {
		return ""
	}
	return link.ReplaceAllString(plain.Replace(m[1]+m[2]), "$1")
}
