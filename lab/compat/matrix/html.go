package matrix

import (
	"embed"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// HTML writes the matrix as one page that needs no other file. A click on a cell
// shows its payloads and answers.
func HTML(w io.Writer, senders []Sender, rows []Row) error {
	var advice strings.Builder
	Advice(&advice, senders, rows)
	return page.Execute(w, map[string]any{"Senders": senders, "Rows": rows, "Legend": Legend,
		"Advice": advice.String()})
}

// Class returns the class of a cell in the page, which sets its colour.
func (c Cell) Class() string {
	if e := c.worst(OwnOptions); e != Arrive {
		return e.Lower()
	}
	if c.worst(NoOptions) != Arrive || c.worst(ForeignOptions) != Arrive {
		return "partly"
	}
	return "arrive"
}
