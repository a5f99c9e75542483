package fuzz

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Case is what a fuzzer, or a person, has kept: an input of a target.
type Case struct {
	File   string // absolute
	Target Target // the raw target's input is a payload
	Parts  [][]byte
	Native bool // a file of Go's engine
}

// goHeader is the first line of a file of Go's fuzzing engine.
const goHeader = "go test fuzz v1\n"

// clusterFuzz is the name that ClusterFuzz gives a file, with the target in it.
var clusterFuzz = regexp.MustCompile(`^clusterfuzz-testcase-(?:.+-)?(Fuzz\w+)-`)

// ReadCase reads a payload as it is, an input of libFuzzer's, or a file of Go's
// fuzzing engine. Without a target the last is that of the folder's name, and the others are
// the raw target's, unless ClusterFuzz's name of the file names another.
func ReadCase(name, target string) (*Case, error) {
	if name == "" {
		return nil, errors.New("CASE=file (-case=file without make) is missing: a payload, or what a fuzzer has kept")
	}
	file, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	values, native := bytes.CutPrefix(text, []byte(goHeader))
	if named := clusterFuzz.FindStringSubmatch(filepath.Base(file)); native && target == "" {
		target = filepath.Base(filepath.Dir(file))
	} else if target == "" && named != nil {
		target = named[1]
	} else if target == "" {
		target = Raw
	}
	c := &Case{File: file, Native: native}
	if c.Target, err = Named(target); err != nil && native {
		return nil, fmt.Errorf("%s: a file of Go's fuzzing engine must be in testdata/fuzz/<target>, or TARGET given: "+
			"%w", name, err)
	} else if err != nil {
		return nil, err
	}
	if c.Parts = c.Target.Split(text); native {
		c.Parts, err = c.Target.parse(values)
	}
	return c, err
}

// parse takes the values in a file of Go's engine apart.
func (t Target) parse(values []byte) (parts [][]byte, err error) {
	for line := range strings.Lines(strings.TrimSpace(string(values))) {
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
	return c.write()
}

// write writes the case into its file, in the form of Go's engine.
func (c *Case) write() error { return os.WriteFile(c.File, c.goFile(), 0o666) }

func (c *Case) goFile() []byte {
	b := []byte(goHeader)
	for _, p := range c.Parts {
		b = fmt.Appendf(b, "[]byte(%q)\n", p)
	}
	return b
}
