// Package settings is what the make program and the tests it runs tell each
// other. It imports nothing of the suite: the make program must build even when
// the extracted code does not.
package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Environment variables. The first two are the user's, the others go from the
// make program to the tests.
const (
	HCSShim  = "HCSSHIM"            // what to test: a version, or the path of a checkout
	Findings = "FINDINGS"           // what to excuse: "none", or the version whose list to take
	Reader   = "SHIMFUZZ_READER"    // the command of a reader to test in hcsshim's place, the user's READER
	ReaderID = "SHIMFUZZ_READER_ID" // its name and version, apart by a tab, if make matrix knows it
	Build    = "SHIMFUZZ_BUILD"     // the folder of this build, so that two can be tested at a time
	Counts   = "SHIMFUZZ_COUNTS"    // a folder into which each process writes what it excused
	Decoder  = "SHIMFUZZ_DECODER"   // the one decoder to run the properties on; without it both
	Bug      = "SHIMFUZZ_BUG"       // the zoo's bug in that decoder, in a build that has the zoo
	Shims    = "SHIMFUZZ_SHIMS"     // the folder with the shims built for Windows; without it they are not run
	Case     = "SHIMFUZZ_CASE"      // the one payload to give them
	Seed     = "SHIMFUZZ_SEED"      // of the generated payloads
	Checks   = "SHIMFUZZ_CHECKS"    // how many of those
	Wine     = "SHIMFUZZ_WINE"      // the prefix of the Wine that they run under
)

// Say stands before a line of a test's output that is for the user to see, also
// if the test passes.
const Say = "shimfuzz: "

// Root is the root of the suite's tree, from the working directory up. A build
// folder has a go.mod, too, so that is no sign of it.
func Root() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "internal", "hcsshim", "hcsshim.go")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the working directory is not within a clone of shimfuzz")
		}
	}
	return "", err
}

// ReproCommand is the line that replays a case, with the user's choices.
func ReproCommand(file string) string { return "make repro " + CaseArguments(file) }

// CaseArguments are a case and the user's choices as make takes them.
func CaseArguments(file string) string {
	if root, err := Root(); err == nil {
		if rel, err := filepath.Rel(root, file); err == nil {
			file = rel
		}
	}
	line := "CASE=" + file
	for _, v := range []struct{ name, value string }{{HCSShim, os.Getenv(HCSShim)}, {Findings, os.Getenv(Findings)}, {"READER", os.Getenv(Reader)}} {
		switch {
		case strings.ContainsRune(v.value, ' '):
			line += fmt.Sprintf(" %s='%s'", v.name, v.value)
		case v.value != "":
			line += fmt.Sprintf(" %s=%s", v.name, v.value)
		}
	}
	return line
}

// ReadCounts adds up the counts that processes have written into dir.
func ReadCounts(dir string) (map[string]int, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	total := make(map[string]int)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			var finding string
			var n int
			if _, err := fmt.Sscan(line, &finding, &n); err == nil {
				total[finding] += n
			}
		}
	}
	return total, nil
}
