package upstream

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed templates
var files embed.FS

var templates = template.Must(template.ParseFS(files, "templates/*"))

// text is what the template of that name makes of data.
func text(name string, data any) []byte {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // it is in memory, and a test executes each
	}
	return b.Bytes()
}

// change is a change of a package in the folder dir: what matches old becomes new, in which $0
// is what it was. A file that has the text done is changed already.
type change struct{ dir, old, new, done string }

// to is a change to a part of fixes.tmpl.
func to(dir, old, name string) change {
	return change{dir: dir, old: old, new: strings.TrimPrefix(string(text(name, nil)), "\n")}
}

// readsAny is where readOptions reads an Any.
const readsAny = `(\tif v, err := typeurl\.UnmarshalAny\(&a\); err == nil)`

// recognized is a change of readOptions that needs to know which message it reads.
func recognized(c change) []change {
	asks := change{shimDir, readsAny, "\tbootstrap := isBootstrapParams(d, &a)\n$0", "bootstrap := "}
	return []change{recognition(shimDir, "readOptions"), asks, c}
}

// lcowRecognized is one of lcow-v2, once it has read its options.
func lcowRecognized(name string) []change {
	return []change{recognition(lcowDir, "setLogConfiguration"), to(lcowDir, `\t\t_ = os\.Stdin\.Close\(\)\n`, name)}
}

// recognition adds the function that tells the two messages apart, after another one.
func recognition(dir, after string) change {
	c := to(dir, `(?ms)^(\tbootapi "\S+")$(.*?^func `+after+`\(.*?^}\n)`, "recognition")
	c.done = "func isBootstrapParams("
	return c
}

// apply makes changes in a copy of a module. Each has to be for some place in its package.
func apply(tree string, changes []change) error {
	for _, c := range changes {
		if err := c.apply(filepath.Join(tree, filepath.FromSlash(c.dir))); err != nil {
			return err
		}
	}
	return nil
}

// apply makes a change in the files of its package.
func (c change) apply(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	old, found := regexp.MustCompile(c.old), false
	for _, name := range names {
		text, errRead := os.ReadFile(name)
		err = errors.Join(err, errRead)
		if strings.HasSuffix(name, "_test.go") || !old.Match(text) {
			continue
		}
		found = true
		if c.done != "" && bytes.Contains(text, []byte(c.done)) {
			continue
		}
		text, errFormat := format.Source(old.ReplaceAll(text, []byte(c.new)))
		err = errors.Join(err, errFormat, os.WriteFile(name, text, 0o666))
	}
	if err == nil && !found {
		err = fmt.Errorf("nothing to patch in %s: not found: %s", c.dir, old)
	}
	return err
}
