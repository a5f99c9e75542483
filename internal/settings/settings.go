// Package settings is what the shimfuzz command tells the test processes that
// it runs.
//
// It imports nothing of the suite: the command must build even when the
// extracted code does not.
package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Test is the settings of one test process. The zero value is what plain
// "go test" runs with: both decoders, and the findings of the hcsshim under test.
type Test struct {
	HCSShim  string // the user's choice of hcsshim, for the lines that replay a failure; "" is the default
	Entry    string // the user's choice of the function under test; "" is the one that is found
	Findings string // which findings to excuse, see findings.Named; "" is those of the hcsshim under test

	Decoder string // the one decoder to run the properties on; "" is both
	Build   string // folder of this build, for what a failing test leaves; "" is the extracted module's
	Lab     string `json:",omitempty"` // what the lab tells its own programs, as JSON
}

// Variables of the environment. Variable is the command's; the others are the
// user's, who sets them for plain "go test" and for the fuzzers of OSS-Fuzz.
const (
	Variable = "SHIMFUZZ" // a Test as JSON
	HCSShim  = "HCSSHIM"  // what to test: a version, or the path of a checkout
	Entry    = "ENTRY"    // the function of it to test
	Findings = "FINDINGS" // what to excuse
)

// Load reads the settings of this process from its environment.
func Load() (t Test, err error) {
	text := os.Getenv(Variable)
	if text == "" {
		return Test{HCSShim: os.Getenv(HCSShim), Entry: os.Getenv(Entry), Findings: os.Getenv(Findings)}, nil
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, fmt.Errorf("%s: %w", Variable, err)
	}
	return t, nil
}

// Environ is the variable that hands t to a process, as os.Environ has it.
func (t Test) Environ() string {
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // a struct of strings and numbers always has a JSON form
	}
	return Variable + "=" + string(text)
}

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

// CaseArguments are a case and the user's choices as make takes them.
func (t Test) CaseArguments(file string) string {
	if root, err := Root(); err == nil {
		if rel, err := filepath.Rel(root, file); err == nil {
			file = rel
		}
	}
	line := "CASE=" + Quote(filepath.ToSlash(file)) // under Wine it is for the system outside
	for _, v := range []struct{ name, value string }{{HCSShim, t.HCSShim}, {Entry, t.Entry}, {Findings, t.Findings}} {
		if v.value != "" {
			line += " " + v.name + "=" + Quote(v.value)
		}
	}
	return line
}

// plain is a word that a shell takes as it is.
var plain = regexp.MustCompile(`^[-\w./:,+@%]+$`)

// Quote returns s as one word of a POSIX shell.
func Quote(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
