package fuzz

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
)

// Target is a fuzz target.
type Target struct {
	Name  string
	Parts []string // its arguments, in order, each of them bytes
	Run   func(t verify.TB, parts ...[]byte)

	seed func(payload []byte) [][]byte // makes an input of a case of the corpus
}

// Targets are the fuzz targets, in the order in which they are run. Each has a FuzzX for
// "go test" and one in package libfuzzer, and is named in oss-fuzz/build.sh.
var Targets = []Target{
	{"FuzzReadOptions", []string{"payload"}, readOptions,
		func(b []byte) [][]byte { return [][]byte{b} }},
	{"FuzzLegacy", []string{"type URL", "value", "choices"}, legacy,
		func(b []byte) [][]byte {
			url, value := stdin.AnyParts(b)
			return withChoices(32, 1, []byte(url), value)
		}},
	{"FuzzBootstrap", []string{"options", "choices"}, bootstrap,
		func(b []byte) [][]byte { return withChoices(32, 1, stdin.OptionsBytes(b)) }},
	{"FuzzEquivalence", []string{"options", "choices", "other choices"}, equivalence,
		func(b []byte) [][]byte { return withChoices(192, 2, stdin.OptionsBytes(b)) }},
	{"FuzzMalformed", []string{"options", "choices"}, malformed,
		func(b []byte) [][]byte { return withChoices(256, 1, stdin.OptionsBytes(b)) }},
	{"FuzzReaders", []string{"payload", "script"}, readers,
		func(b []byte) [][]byte { return [][]byte{b, readings[len(b)%len(readings)]} }},
	{"FuzzCreateOptions", []string{"Any"}, createOptions,
		func(b []byte) [][]byte { return [][]byte{b} }},
}

// Raw is the name of the target whose input is the payload as it is.
const Raw = "FuzzReadOptions"

// Names are the names of Targets.
func Names() []string {
	var names []string
	for _, t := range Targets {
		names = append(names, t.Name)
	}
	return names
}

// Named returns the target of that name.
func Named(name string) (Target, error) {
	i := slices.IndexFunc(Targets, func(t Target) bool { return t.Name == name })
	if i < 0 {
		return Target{}, fmt.Errorf("there is no target %s; the targets are %s", name, strings.Join(Names(), ", "))
	}
	return Targets[i], nil
}

// Separator stands between the parts of an input of libFuzzer's, whose inputs
// are plain bytes. A separator, unlike lengths in front, leaves a part what it
// was when another part grows, and makes a lone payload an input of every
// target that takes one.
const Separator = "\xff\xfe<|>"

// Join makes one input for libFuzzer of the parts, which must not contain Separator.
func Join(parts [][]byte) []byte { return bytes.Join(parts, []byte(Separator)) }

// Split takes an input apart. Parts that are missing are empty; the last part
// has what is left. The only part of a target is the input as it is.
func (t Target) Split(input []byte) [][]byte {
	parts := bytes.SplitN(input, []byte(Separator), len(t.Parts))
	for len(parts) < len(t.Parts) {
		parts = append(parts, nil)
	}
	return parts
}
