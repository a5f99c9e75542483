// Package targets lists the fuzz targets, and converts their inputs between the
// forms of the two fuzzing engines.
package targets

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Target is a fuzz target.
type Target struct {
	Name  string
	Parts []string // its arguments, in order, each of them bytes
}

// All are the targets, in the order in which they are run.
var All = []Target{
	{"FuzzReadOptions", []string{"payload"}},
	{"FuzzLegacy", []string{"type URL", "value", "script"}},
	{"FuzzBootstrap", []string{"options", "script"}},
	{"FuzzEquivalence", []string{"options", "one script", "another"}},
	{"FuzzMalformed", []string{"options", "script"}},
	{"FuzzReaders", []string{"payload", "script"}},
	{"FuzzCreateOptions", []string{"Any"}},
}

// Raw is the target whose input is the payload as it is.
var Raw = All[0]

// Create is the target whose input is the Any of CreateTaskRequest.Options.
var Create = All[len(All)-1]

// Names are the names of All.
func Names() []string {
	var names []string
	for _, t := range All {
		names = append(names, t.Name)
	}
	return names
}

// Named returns the target of that name.
func Named(name string) (Target, error) {
	i := slices.IndexFunc(All, func(t Target) bool { return t.Name == name })
	if i < 0 {
		return Target{}, fmt.Errorf("there is no target %s; the targets are %s", name, strings.Join(Names(), ", "))
	}
	return All[i], nil
}

// MaxSeed is the size in bytes of the largest input that a fuzzer starts from. An engine
// makes inputs as long as the longest seed from the start, and the one in fifty of the
// corpus that is larger would be most of what it reads.
const MaxSeed = 1024

// Separator stands between the parts of an input of libFuzzer's, whose inputs
// are plain bytes. A separator, unlike lengths in front, leaves a part what it
// was when another part grows, and makes a lone payload an input of every
// target that takes one.
const Separator = "\xff\xfe<|>"

// Join makes one input of the parts, which must not contain Separator.
func Join(parts [][]byte) []byte {
	return bytes.Join(parts, []byte(Separator))
}

// Split takes an input apart. Parts that are missing are empty; the last part
// has what is left. The only part of a target is the input as it is.
func (t Target) Split(input []byte) [][]byte {
	parts := bytes.SplitN(input, []byte(Separator), len(t.Parts))
	for len(parts) < len(t.Parts) {
		parts = append(parts, nil)
	}
	return parts
}

// GoHeader is the first line of a file of Go's fuzzing engine.
const GoHeader = "go test fuzz v1\n"

// GoFile is an input in the form of a file in testdata/fuzz.
func GoFile(parts [][]byte) []byte {
	var b bytes.Buffer
	b.WriteString(GoHeader)
	for _, p := range parts {
		fmt.Fprintf(&b, "[]byte(%q)\n", p)
	}
	return b.Bytes()
}
