package killmatrix

import (
	"fmt"
	"html/template"
	"io"
	"strings"
)

// HTML writes the matrix as one page: a square for each mutant and test, mutants
// from left to right, tests from top to bottom, so that a gap is a light column
// and a test that does nothing is a light row.
func HTML(w io.Writer, title string, all []*Mutant, layers []string) error {
	ran := with(all, func(m *Mutant) bool { return m.Result != BuildFailed && m.Result != Duplicate })
	cols := columns(ran, layers, func(string) bool { return true })
	page := struct {
		Title   string
		Summary string
		Bands   []band
	}{Title: title}
	killed := len(with(ran, (*Mutant).killed))
	equivalent := len(with(ran, func(m *Mutant) bool { return m.Result == Equivalent }))
	page.Summary = fmt.Sprintf("%d mutants: %d killed, %d equivalent, %d survived", len(ran), killed, equivalent, len(ran)-killed-equivalent)
	for _, s := range sources(ran) {
		page.Bands = append(page.Bands, newBand(s, with(ran, func(m *Mutant) bool { return m.Source == s }), cols))
	}
	return pageTemplate.Execute(w, page)
}

// band is the part of the matrix with the mutants of one source.
type band struct {
	Source  string
	Mutants int
	Width   int
	Rows    []bandRow
}

type bandRow struct {
	Layer, Test string
	Kills       int
	Squares     []square
}

type square struct {
	X     int
	Class string
	Title string
}

const squareSize = 7

func newBand(source string, mutants []*Mutant, cols []column) band {
	b := band{Source: source, Mutants: len(mutants), Width: squareSize * len(mutants)}
	fates := bandRow{Test: "what became of it"}
	for x, m := range mutants {
		fates.Squares = append(fates.Squares, square{x * squareSize, strings.ReplaceAll(string(m.Result), " ", "-"), m.Name + ": " + string(m.Result) + " — " + m.Change + " " + m.Note})
	}
	b.Rows = append(b.Rows, fates)
	for _, c := range cols {
		row := bandRow{Layer: c.layer, Test: c.test}
		for x, m := range mutants {
			if m.killedBy(c.layer, c.test) {
				row.Kills++
				row.Squares = append(row.Squares, square{x * squareSize, "k-" + strings.ReplaceAll(c.layer, " ", "-"), m.Name + " — " + m.Change})
			}
		}
		if row.Kills > 0 {
			b.Rows = append(b.Rows, row)
		}
	}
	return b
}

var pageTemplate = template.Must(template.New("").Parse(`<!doctype html>
<meta charset="utf-8">
<title>{{.Title}}</title>
<style>
body { font: 13px/1.3 system-ui, sans-serif; margin: 24px; color: #222; background: #fff }
h1 { font-size: 18px; margin: 0 0 4px } h2 { font-size: 14px; margin: 22px 0 4px }
table { border-collapse: collapse } td { padding: 0 8px 0 0; white-space: nowrap; height: 9px; font-size: 11px; line-height: 9px }
td.n { text-align: right; color: #777 } td.l { color: #777 }
svg { display: block; background: #f3f3f3 }
.killed, .k-properties { fill: #2c7fb8 } .timed-out { fill: #0b3c5d } .equivalent { fill: #bbb } .survived { fill: #d7191c }
.k-corpus { fill: #41ae76 } .k-fuzz-seeds { fill: #f28e2b } .k-fuzzing { fill: #b35806 } .k-unit-tests { fill: #8c6bb1 } .k-costs { fill: #0b3c5d }
.key span { display: inline-block; width: 9px; height: 9px; margin: 0 4px 0 12px }
</style>
<h1>{{.Title}}</h1>
<p>{{.Summary}}. A column is a mutant, a row is a test; a coloured square is a kill. Point at one to see what it is.</p>
<p class="key">first row of each: <span style="background:#2c7fb8"></span>killed <span style="background:#bbb"></span>equivalent
<span style="background:#d7191c"></span>survived; below, killed by:
<span style="background:#41ae76"></span>corpus <span style="background:#2c7fb8"></span>properties <span style="background:#f28e2b"></span>fuzz targets' seeds
<span style="background:#b35806"></span>fuzzing <span style="background:#8c6bb1"></span>unit tests <span style="background:#0b3c5d"></span>costs (run on what is left)</p>
{{range .Bands}}{{$w := .Width}}<h2>{{.Source}}: {{.Mutants}}</h2>
<table>{{range .Rows}}
<tr><td>{{.Test}}</td><td class="l">{{.Layer}}</td><td class="n">{{if .Layer}}{{.Kills}}{{end}}</td><td><svg width="{{$w}}" height="8">{{range .Squares}}<rect class="{{.Class}}" x="{{.X}}" width="6" height="8"><title>{{.Title}}</title></rect>{{end}}</svg></td></tr>{{end}}
</table>
{{end}}`))
