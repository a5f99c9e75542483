package testrun

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
)

// cause is what failures have in common.
type cause struct {
	verdict  settings.Failure // of the first failure; zero if it came with none
	failures []failure        // the first is the one to show
}

// maxReports is how many failures are shown in full that no finding explains.
const maxReports = 4

// Finish prints what has failed, one failure in full for each cause, then what to do
// next, and ends with one line of counts.
func (r *Run) Finish() error {
	for _, text := range r.Broken {
		fmt.Printf("\nFAIL  %s\n", text)
	}
	causes := r.causes()
	unexplained := 0
	for _, c := range causes {
		if c.verdict.Finding == "" {
			unexplained++
		}
		if c.verdict.Finding != "" || unexplained <= maxReports {
			fmt.Printf("\nFAIL  %s\n%s", c.failures[0].test, Head(c.failures[0].text))
		}
	}
	printNext(causes)
	failed := len(r.failed) + len(r.Broken)
	fmt.Printf("\n%d passed, %d failed, %d skipped", r.passed, failed, r.Skipped)
	if r.walked > 0 {
		fmt.Printf("; %d payloads walked", r.walked)
	}
	fmt.Println()
	if failed > 0 {
		return gocmd.ErrReported
	}
	return nil
}

// causes are those of all failures: first what no finding explains, the most frequent
// first, then the known findings by name. A failure without a verdict is a cause of its
// own.
func (r *Run) causes() []*cause {
	byName := make(map[string]*cause)
	var all []*cause
	for _, f := range r.failed {
		v := r.verdicts[f.test]
		name := cmp.Or(v.Finding, v.Group, f.test)
		if byName[name] == nil {
			byName[name] = new(cause)
			all = append(all, byName[name])
		}
		byName[name].failures = append(byName[name].failures, f)
	}
	for _, c := range all {
		slices.SortFunc(c.failures, func(a, b failure) int {
			return cmp.Or(inFindings(b)-inFindings(a), len(a.text)-len(b.text))
		})
		c.verdict = r.verdicts[c.failures[0].test]
	}
	slices.SortStableFunc(all, func(a, b *cause) int {
		if a.verdict.Finding == "" && b.verdict.Finding == "" {
			return len(b.failures) - len(a.failures)
		}
		return cmp.Compare(a.verdict.Finding, b.verdict.Finding)
	})
	return all
}

// inFindings is 1 for a test of the findings themselves, whose report is the
// one to show.
func inFindings(f failure) int {
	if strings.HasPrefix(f.test, "TestFindings/") {
		return 1
	}
	return 0
}

// maxNext is how many causes have a line of what to do next.
const maxNext = 20

// printNext prints what each cause is, and the command to go on with.
func printNext(causes []*cause) {
	if len(causes) == 0 {
		return
	}
	fmt.Println("\nwhat failed, and what to do next:")
	for i, c := range causes {
		if i == maxNext {
			fmt.Printf("  … and %d more causes\n", len(causes)-i)
			return
		}
		fmt.Printf("  %4d of %-36s  %s\n", len(c.failures), cmp.Or(c.verdict.Finding, c.verdict.Group,
			c.failures[0].test), c.next())
	}
}

// next is the command to go on with: a finding is known, so that its report can be
// sent, and anything else is to be looked at.
func (c *cause) next() string {
	if c.verdict.Finding != "" {
		return "make -C lab report FINDING=" + c.verdict.Finding
	}
	command, _, _ := strings.Cut(c.verdict.Replay, "\n")
	return cmp.Or(command, "see above, or make test again")
}
