package testrun

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"shimfuzz/internal/settings"
)

// printCounts prints a table for each kind of thing that was counted.
func printCounts(out io.Writer, counts []settings.Count) {
	sum := make(map[settings.Count]int)
	var whats []string
	for _, c := range counts {
		n := c.N
		c.N = 0
		sum[c] += n
		if !slices.Contains(whats, c.What) {
			whats = append(whats, c.What)
		}
	}
	slices.Sort(whats)
	for _, what := range whats {
		printTable(out, what, sum)
	}
}

// printTable prints the counts of one kind, with a line for each row.
func printTable(out io.Writer, what string, sum map[settings.Count]int) {
	var rows, columns []string
	for c := range sum {
		if c.What == what {
			rows, columns = append(rows, c.Row), append(columns, c.Column)
		}
	}
	slices.Sort(rows)
	slices.Sort(columns)
	rows, columns = slices.Compact(rows), slices.Compact(columns)
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\t%s\t\n", what, strings.Join(columns, "\t"))
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t", row)
		for _, column := range columns {
			fmt.Fprintf(w, "%d\t", sum[settings.Count{What: what, Row: row, Column: column}])
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}
