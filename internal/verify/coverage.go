package verify

import (
	"flag"
	"fmt"
	"os/exec"
	"strings"
)

// reached says which functions of the code under test the tests have not reached in full,
// if they run with a profile of coverage: what is extracted, and FindExtension, which finds
// the options for it. The text is "" without a profile.
func reached() (text string, ok bool) {
	profile := flag.Lookup("test.coverprofile") // nil in a program that is no test
	if profile == nil || profile.Value.String() == "" {
		return "", true
	}
	out, err := exec.Command("go", "tool", "cover", "-func="+profile.Value.String()).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("coverage: %v: %s\n", err, out), false
	}
	return missing(string(out))
}

// missing reads what "go tool cover -func" prints: a line for each function with where it
// stands, its name, and the share of its statements.
func missing(functions string) (text string, ok bool) {
	measured, rest := 0, ""
	for line := range strings.Lines(functions) {
		cells := strings.Fields(line)
		if len(cells) != 3 || !strings.HasPrefix(cells[0], "shimfuzz/extracted/") && cells[1] != "FindExtension" {
			continue
		}
		if measured++; cells[2] != "100.0%" {
			rest += fmt.Sprintf("  NOT REACHED  %s of %s at %s\n", cells[2], cells[1], cells[0])
		}
	}
	if measured == 0 {
		return "coverage: nothing of the code under test is in the profile: make coverage names its packages\n", false
	}
	return fmt.Sprintf("coverage: %d functions of readOptions and of what it reaches\n%s", measured, rest), rest == ""
}
