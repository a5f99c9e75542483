package fuzz

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Case is what a fuzzer, or a person, has kept: an input of a target.
type Case struct {
	Name   string // as the user has it
	File   string // absolute
	Target Target // the raw target's input is a payload
	Parts  [][]byte
	Native bool // a file of Go's engine
}

// maxCase is the size in bytes of the largest case that is read, and MaxKept of the largest
// that is kept.
const (
	maxCase = 128 << 20
	MaxKept = 1 << 20
)

// goHeader is the first line of a file of Go's fuzzing engine.
const goHeader = "go test fuzz v1\n"

// ReadCase reads a payload as it is, an input of libFuzzer's, or a file of Go's
// fuzzing engine. The last lies in a folder named for its target. The others are
// the raw target's, unless target or ClusterFuzz's name of the file names another.
func ReadCase(name, target string) (*Case, error) {
	file, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	text, err := readRegular(file)
	if err != nil {
		return nil, err
	}
	c := &Case{Name: name, File: file, Native: bytes.HasPrefix(text, []byte(goHeader))}
	folder := filepath.Dir(file)
	switch {
	case c.Native && filepath.Base(filepath.Dir(folder)) == "fuzz":
		target = filepath.Base(folder)
	case c.Native:
		return nil,
			fmt.Errorf("%s: a file of Go's fuzzing engine must be in testdata/fuzz/<target>, which says what to run "+
				"it on", name)
	case target == "":
		target = clusterFuzzTarget(filepath.Base(file))
	}
	if c.Target, err = Named(target); err != nil {
		return nil, err
	}
	if c.Parts = c.Target.Split(text); c.Native {
		c.Parts, err = c.Target.parseGoFile(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// readRegular reads a regular file that is not too large.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name) // before opening: that of a FIFO waits for a writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	if info.Size() > maxCase {
		return nil, fmt.Errorf("%s: larger than %d MiB", name, maxCase>>20)
	}
	return os.ReadFile(name)
}

// clusterFuzzTarget is the target in the name that ClusterFuzz gives a file, or
// else the raw one.
func clusterFuzzTarget(base string) string {
	if strings.HasPrefix(base, "clusterfuzz-testcase-") {
		for _, t := range Names() {
			if strings.Contains(base, "-"+t+"-") {
				return t
			}
		}
	}
	return Raw
}

// parseGoFile takes a file of Go's engine apart.
func (t Target) parseGoFile(text []byte) (parts [][]byte, err error) {
	for line := range strings.Lines(strings.TrimSpace(string(text[len(goHeader):]))) {
		quoted, found := strings.CutPrefix(strings.TrimSpace(line), "[]byte(")
		part, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
		if err != nil || !found {
			return nil, fmt.Errorf("not a value of []byte: %s", line)
		}
		parts = append(parts, []byte(part))
	}
	if len(parts) != len(t.Parts) {
		return nil, fmt.Errorf("%d values, but %s takes %d", len(parts), t.Name, len(t.Parts))
	}
	return parts, nil
}

// Keep writes the case as a file of Go's engine below testdata, named for its
// content as that engine does it.
func (c *Case) Keep(testdata string) error {
	sum := sha256.Sum256(c.goFile())
	c.File = filepath.Join(testdata, "fuzz", c.Target.Name, hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(filepath.Dir(c.File), 0o777); err != nil {
		return err
	}
	return c.Write()
}

// Write writes the case into its file, in the form of Go's engine.
func (c *Case) Write() error { return os.WriteFile(c.File, c.goFile(), 0o666) }

func (c *Case) goFile() []byte {
	b := []byte(goHeader)
	for _, p := range c.Parts {
		b = fmt.Appendf(b, "[]byte(%q)\n", p)
	}
	return b
}

// Size is how many bytes the parts have.
func (c *Case) Size() (n int) {
	for _, p := range c.Parts {
		n += len(p)
	}
	return n
}
