package conformance

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/settings"
)

// report is what a run is told of.
type report struct {
	run         *run
	settings    settings.Test
	dir         string // of its files
	causes      []*cause
	list        *expected
	problems    []problem
	interrupted bool
}

// green reports whether all is as it must be.
func (r *report) green() bool {
	return len(r.problems) == 0 && r.run.unlisted == 0 && !r.interrupted
}

// counts are those of the tests of a level.
type counts struct {
	Level    string `json:"level"`
	Tests    int    `json:"tests"`
	Passed   int    `json:"passed"`
	Failed   int    `json:"failed"`
	Expected int    `json:"expected"` // of the failed ones
	Payloads int    `json:"payloads"`
}

func (r *report) levels() []counts {
	var all []counts
	for _, level := range Levels {
		if !r.run.isRun(level) {
			continue
		}
		c := counts{Level: level, Payloads: r.run.payloads[level]}
		for _, t := range r.run.tests {
			if t.level != level {
				continue
			}
			c.Tests++
			switch {
			case t.failure == nil:
				c.Passed++
			default:
				c.Failed++
				if r.isExpected(t) {
					c.Expected++
				}
			}
		}
		all = append(all, c)
	}
	return all
}

// isExpected reports whether the list has the failure as it is.
func (r *report) isExpected(t *test) bool {
	l, ok := r.list.find(t.name)
	return ok && l.answer == answerText(t.failure.want, t.failure.got)
}

func (r *report) header(w io.Writer) error {
	c := r.settings.Conformance
	name := r.run.subject.name()
	if name == contract.OptionsName {
		name += ", the fields that those of hcsshim " + c.HCSShim + " have"
	}
	_, err := fmt.Fprintf(w,
		"reader   %s\noptions  %s\nlevel    %s; seed %d, %d draws for each property, up to %d elements in a row\n",
		c.Reader, name, c.Level, c.Seed, c.Checks, c.Longest)
	return err
}

// Lines on the screen.
const (
	maxReportLines = 30 // of the reports of causes
	maxCauses      = 12
	maxNames       = 20
)

// summary writes what fits on a screen.
func (r *report) summary(out io.Writer) error {
	var b strings.Builder
	r.table(&b)
	r.causeLines(&b)
	r.problemLines(&b)
	if r.interrupted {
		b.WriteString("\nINTERRUPTED: this is what was known by then\n")
	}
	failed, unexpected, payloads := 0, 0, 0
	for _, c := range r.levels() {
		payloads += c.Payloads
		failed += c.Failed
		unexpected += c.Failed - c.Expected
	}
	fmt.Fprintf(&b, "\neverything: %s\n", fromRoot(filepath.Join(r.dir, "report.txt")))
	fmt.Fprintf(&b, "%d tests, %d failed, %d of them expected, %d causes; %d payloads\n", len(r.run.tests), failed,
		failed-unexpected, len(r.causes), payloads)
	_, err := io.WriteString(out, b.String())
	return err
}

func (r *report) table(b *strings.Builder) {
	b.WriteString("\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "level\ttests\tpassed\tfailed\texpected\tpayloads\t")
	for _, c := range r.levels() {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", c.Level, c.Tests, c.Passed, c.Failed, c.Expected, c.Payloads)
	}
	_ = w.Flush()
	for _, name := range slices.Sorted(maps.Keys(r.run.excused)) {
		fmt.Fprintf(b, "excused: %d answers, by the finding %s\n", r.run.excused[name], name)
	}
}

// causeLines writes a line for each cause, and the reports of those that are not all
// expected, as far as there is room.
func (r *report) causeLines(b *strings.Builder) {
	if len(r.causes) > 0 {
		fmt.Fprintf(b, "\n%d causes; what is before the colon is explained in docs/contract.md:\n", len(r.causes))
	}
	for i, c := range r.causes {
		if i == maxCauses {
			fmt.Fprintf(b, "  … and %d more\n", len(r.causes)-i)
			break
		}
		fmt.Fprintf(b, "  %s  %s\n", tests(len(c.tests)), c)
	}
	lines := 0
	for _, c := range r.causes {
		if !slices.ContainsFunc(c.tests, func(t *test) bool { return !r.isExpected(t) }) {
			continue
		}
		text := c.report(r.settings)
		before := lines
		if lines += strings.Count(text, "\n"); before > 0 && lines > maxReportLines {
			break
		}
		b.WriteString(text)
	}
}

func tests(n int) string {
	if n == 1 {
		return "   1 test "
	}
	return fmt.Sprintf("%4d tests", n)
}

// report shows the cause with its smallest payload.
func (c *cause) report(s settings.Test) string {
	return fmt.Sprintf("\n-- %s\n%s%s", c, c.tests[0].name, c.tests[0].failure.report(s))
}

func (r *report) problemLines(b *strings.Builder) {
	if len(r.problems) > 0 {
		b.WriteString("\n")
	}
	for i, p := range r.problems {
		if i == maxNames {
			fmt.Fprintf(b, "… and %d more\n", len(r.problems)-i)
			break
		}
		b.WriteString(r.text(p) + "\n")
	}
	if n := r.run.unlisted; n > 0 {
		fmt.Fprintf(b, "%d more combinations of elements fail: they are not listed\n", n)
	}
}

// text is a problem in a line.
func (r *report) text(p problem) string {
	at := ""
	if p.Line > 0 {
		at = fmt.Sprintf("%s:%d: ", r.list.file, p.Line)
	}
	return at + p.Test + ": " + p.What
}

// writeFiles writes everything into the folder.
func (r *report) writeFiles() error {
	failures := filepath.Join(r.dir, "failures")
	if err := errors.Join(os.RemoveAll(failures), os.MkdirAll(failures, 0o777)); err != nil {
		return err
	}
	taken := make(map[string]bool)
	for _, t := range r.run.failures() {
		t.failure.file = saved(r.dir, t.name, taken)
		if err := os.WriteFile(t.failure.file, t.failure.payload, 0o666); err != nil {
			return err
		}
	}
	junit, err := r.junit()
	if err != nil {
		return err
	}
	text, err := r.json()
	if err != nil {
		return err
	}
	return errors.Join(writeWhole(filepath.Join(r.dir, "report.txt"), []byte(r.full())),
		writeWhole(filepath.Join(r.dir, "junit.xml"), junit), writeWhole(filepath.Join(r.dir, "report.json"), text))
}

// full is everything as text.
func (r *report) full() string {
	var b strings.Builder
	_ = r.header(&b)
	if r.interrupted {
		b.WriteString("INTERRUPTED: this is what was known by then\n")
	}
	r.table(&b)
	b.WriteString("\nwhat makes the run red:\n")
	for _, p := range r.problems {
		b.WriteString(r.text(p) + "\n")
	}
	b.WriteString("\nevery failure:\n")
	for _, t := range r.run.failures() {
		expected := ""
		if r.isExpected(t) {
			expected = " (expected)"
		}
		fmt.Fprintf(&b, "%s # %s%s\n", t.name, answerText(t.failure.want, t.failure.got), expected)
	}
	for _, c := range r.causes {
		b.WriteString(c.report(r.settings))
		fmt.Fprintf(&b, "tests with this cause:\n")
		for _, t := range c.tests {
			fmt.Fprintf(&b, "  %s\n", t.name)
		}
	}
	return b.String()
}

// fieldText is the value of a field.
func fieldText(m protoreflect.Message, fd protoreflect.FieldDescriptor) string {
	const longest = 60
	switch {
	case !m.Has(fd):
		return "unset"
	case fd.IsMap():
		var entries []string
		for k, v := range m.Get(fd).Map().Range {
			entries = append(entries, fmt.Sprintf("%q: %q", k.String(), v.String()))
		}
		slices.Sort(entries)
		return short("{"+strings.Join(entries, ", ")+"}", longest)
	case fd.Kind() == protoreflect.StringKind && !fd.IsList():
		return short(fmt.Sprintf("%q", m.Get(fd).String()), longest)
	}
	return short(m.Get(fd).String(), longest)
}

func short(s string, longest int) string {
	if len(s) <= longest {
		return s
	}
	return fmt.Sprintf("%s… of %d characters", s[:longest], len(s))
}

func protoName(field string) protoreflect.Name { return protoreflect.Name(field) }

func fromRoot(file string) string {
	root, err := settings.Root()
	if err != nil {
		return file
	}
	if rel, err := filepath.Rel(root, file); err == nil {
		return rel
	}
	return file
}
