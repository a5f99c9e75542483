package testrun

import "strings"

// Head is a test's report without the lines of "go test" around it, and without the
// repetition that rapid prints after shrinking.
func Head(text string) string {
	const most = 60
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "=== ") || strings.HasPrefix(strings.TrimSpace(line), "--- ") {
			continue
		}
		if strings.Contains(line, "Failed test output:") {
			break
		}
		if n++; n > most {
			b.WriteString("      …\n")
			break
		}
		b.WriteString(line)
	}
	return b.String()
}
