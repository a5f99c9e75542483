package matrix

import (
	"encoding/hex"
	"html/template"
	"io"
	"strings"

	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
)

// HTML writes the matrix as one page that needs no other file. A click on a cell
// shows its payloads and answers.
func HTML(w io.Writer, senders []Sender, rows []Row) error {
	return page.Execute(w, struct {
		Senders []Sender
		Rows    []Row
		Legend  string
		Advice  string
	}{senders, rows, Legend, advice(senders, rows)})
}

func advice(senders []Sender, rows []Row) string {
	var b strings.Builder
	Advice(&b, senders, rows)
	return b.String()
}

// class returns the class of a cell, which sets its colour.
func class(c Cell) string {
	if e := c.worst(OwnOptions); e != Arrive {
		return strings.ToLower(string(e))
	}
	if c.worst(NoOptions) != Arrive || c.worst(ForeignOptions) != Arrive {
		return "partly"
	}
	return "arrive"
}

func labels(s Sender) []string {
	a, b := s.Label()
	return []string{a, b}
}

var page = template.Must(template.New("").Funcs(template.FuncMap{
	"class": class, "reads": func(r readers.Reader) string { return findings.OptionsType(r.Name) },
	"hex": hex.EncodeToString, "labels": labels,
	"lower": func(e Effect) string { return strings.ToLower(string(e)) },
}).Parse(`<!doctype html>
<meta charset="utf-8">
<title>Which containerd works with which shim</title>
<style>
body { font: 13px/1.4 system-ui, sans-serif; margin: 24px; color: #222; background: #fff }
h1 { font-size: 20px; margin: 0 0 6px } h2 { font-size: 15px; margin: 26px 0 4px }
table { border-collapse: collapse } th { text-align: left; font-weight: 600; padding: 3px 8px; white-space: nowrap }
td { border: 1px solid #fff; padding: 0; white-space: nowrap } td a { display: block; padding: 3px 8px; color: inherit; text-decoration: none }
td a:hover { text-decoration: underline }
.arrive { background: #c7e9c0 } .partly { background: #fff3b0 } .error { background: #fdd0a2 } .defaults { background: #fb9a99 }
.panic, .hang, .other { background: #d7191c; color: #fff } .missing { color: #777; padding: 4px 10px }
.evidence { display: none } .evidence:target { display: block }
.evidence td, .evidence th { border-bottom: 1px solid #ddd; padding: 3px 10px; vertical-align: top; white-space: normal }
code { font-size: 12px; word-break: break-all } pre { margin: 4px 0; font: inherit; white-space: pre-wrap }
</style>
<h1>Which containerd works with which shim</h1>
<p>What each containerd was recorded to write to a shim's standard input, and what each shim decoded. A click on a cell shows the bytes and the answers.</p>
<table>
<tr><th>sent by containerd<br>to</th>{{range .Senders}}<th>{{range labels .}}{{.}}<br>{{end}}</th>{{end}}</tr>
{{range $r, $row := .Rows}}<tr><th>{{$row.Reader.ID}}</th>{{if $row.Missing}}<td class="missing" colspan="{{len $.Senders}}">not run: {{$row.Missing}}</td>{{end}}
{{range $c, $cell := $row.Cells}}<td class="{{class $cell}}"><a href="#e{{$r}}-{{$c}}">{{$cell.Summary}}</a></td>{{end}}</tr>
{{end}}</table>
<pre>{{.Legend}}</pre>
<pre>{{.Advice}}</pre>
{{range $r, $row := .Rows}}{{range $c, $cell := $row.Cells}}<div class="evidence" id="e{{$r}}-{{$c}}">
<h2>{{$row.Reader.ID}} reads what containerd {{$cell.Sender.Containerd}} sends{{range $cell.Sender.Shims}}, to {{.}}{{end}}</h2>
<p>It reads {{reads $row.Reader}}.</p>
<table><tr><th>case of the corpus</th><th>asked for</th><th>standard input</th><th>right answer</th><th>answer</th><th>verdict</th></tr>
{{range $cell.Answers}}<tr><td>{{.Name}}</td><td>{{.Asked}}</td><td><code>{{if .Payload}}{{hex .Payload}}{{else}}none{{end}}</code></td><td><code>{{.Want}}</code></td><td><code>{{.Got}}</code></td>
<td class="{{lower .Effect}}">{{.Verdict.Kind}}{{with .Verdict.Finding}}: {{.Name}}{{end}}</td></tr>
{{end}}</table></div>
{{end}}{{end}}`))
