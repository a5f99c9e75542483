package upstream

import (
	"bytes"
	"context"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim/extract"
)

// root is absolute, as the command's is.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func pinned(t *testing.T) *extract.Source {
	t.Helper()
	s, err := extract.Locate(root(t), "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// git am makes the patched copy of an unpatched one, for a user without a name, too.
func TestPatch(t *testing.T) {
	for _, v := range []Variant{{}, {Launch: true}} {
		t.Run(fmt.Sprintf("%+v", v), func(t *testing.T) { testPatch(t, v) })
	}
}

func testPatch(t *testing.T, v Variant) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("NOT RUN: the patch, for there is no git: %v", err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	ctx := context.Background()
	dir := t.TempDir()
	name, patched, err := Patch(ctx, pinned(t), dir, v)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := Copy(pinned(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "x"}, {"am", "-q", name}} {
		if err := fresh.git(ctx, args...); err != nil {
			t.Fatal(err)
		}
	}
	shim := os.DirFS(filepath.Join(patched.Dir, shimDir))
	files, err := fs.Glob(shim, "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		want, err := fs.ReadFile(shim, file)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(fresh.Dir, shimDir, file)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what git am makes: %v", file, err)
		}
		if formatted, err := format.Source(want); err != nil || !bytes.Equal(formatted, want) {
			t.Errorf("%s is not gofmt'd: %v", file, err)
		}
	}
	if err := patched.Apply(); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a patched copy is patched again: %v", err)
	}
}

// Each finding has a report, whose first line is the private channel if it is a crash.
func TestReports(t *testing.T) {
	docs, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range subjects {
		t.Run(s.name(), func(t *testing.T) {
			r, err := newReport(s, docs)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := r.write(dir); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, s.name()+".md"))
			if err != nil {
				t.Fatal(err)
			}
			if private := bytes.HasPrefix(text, []byte("**A payload crashes")); private != strings.Contains(s.finding, "panics") {
				t.Errorf("the first line is of a crash: %v", private)
			}
			if len(r.Quotes) == 0 || r.Affected == "" || strings.Contains(string(text), "<no value>") {
				t.Errorf("something is missing:\n%s", text)
			}
			source, err := os.ReadFile(filepath.Join(dir, r.File))
			if err != nil || bytes.Contains(source, []byte("shimfuzz")) {
				t.Errorf("the test is not on its own: %v", err)
			}
		})
	}
	if _, err := choose("legacy-refused"); err == nil || !strings.Contains(err.Error(), "by design") {
		t.Errorf("legacy-refused: %v", err)
	}
	if _, err := choose("no-such"); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "identity-misread") {
		t.Errorf("no-such: %v", err)
	}
}

// Each finding has a report in each project that has it, or a reason for having none, and
// nothing else has. A report of what a release has fixed is proven on the releases next
// to the fix.
func TestEachFindingHasAReport(t *testing.T) {
	type key struct{ finding, project string }
	why := make(map[key]int)
	for _, s := range subjects {
		why[key{s.finding, project(s.program)}]++
		if place, _ := s.of().In(s.program); (s.last != "") != (place.Fixed != "") {
			t.Errorf("%s: the last release is %q, the fixed one %q", s.name(), s.last, place.Fixed)
		} else if s.last != "" && (!findings.Of(s.program, s.last).Has(s.finding) || findings.Of(s.program, place.Fixed).Has(s.finding)) {
			t.Errorf("%s: it is not of %s, or of %s", s.name(), s.last, place.Fixed)
		}
	}
	for _, u := range unreported {
		if why[key{u.finding, u.project}]++; u.why == "" {
			t.Errorf("%s in %s: no reason", u.finding, u.project)
		}
	}
	for _, f := range findings.All {
		ofProtobuf := key{f.Name, protobuf} // the defect of each project
		all := []key{ofProtobuf}
		for _, p := range f.Places {
			k := key{f.Name, project(p.Program)}
			if all = append(all, k); why[k]+why[ofProtobuf] == 0 {
				t.Errorf("%s in %s: no report, and no reason for having none", f.Name, k.project)
			}
		}
		for _, k := range all {
			delete(why, k)
		}
	}
	for k := range why {
		t.Errorf("%s in %s: a report, or a reason for having none, of no finding", k.finding, k.project)
	}
}

// A report whose test does not fail before the fix, or fails after it, or does not run,
// is an error.
func TestProve(t *testing.T) {
	for _, test := range []struct {
		name, fails   string
		before, after string
	}{
		{"fails and passes", "", "FAIL", "PASS"},
		{"passes before", "passes on the unpatched", "PASS", "PASS"},
		{"fails after", "fails on the patched copy", "FAIL", "FAIL"},
		{"did not run before", "did not run", "", "PASS"},
		{"did not run after", "did not run", "FAIL", ""},
	} {
		r := &report{Test: "TestX"}
		err := r.proven(func(i int) (result, error) {
			did := []string{test.before, test.after}[i]
			out := "exit status 2\n"
			if did != "" {
				out = "=== RUN   TestX\n--- " + did + ": TestX (0.00s)\n"
			}
			return ran(r.Test, result{did != "PASS", out}, nil)
		})
		if (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s: %v, want %q", test.name, err, test.fails)
		}
	}
}

// The extracted readOptions proves a report where there is no Wine; a copy that is
// patched before, too, does not.
func TestExtracted(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: a proof with the extracted readOptions, for it takes half a minute")
	}
	r, err := newReport(subjects[0], []byte("**R3** x\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := &prover{root: root(t), work: t.TempDir(), reports: []*report{r}}
	if err := p.copy(); err != nil {
		t.Fatal(err)
	}
	run := func(i int) (result, error) { return p.extracted(context.Background(), p.trees[i].Dir, r) }
	if err := r.proven(run); err != nil {
		t.Error(err)
	}
	if err := r.proven(func(int) (result, error) { return run(1) }); err == nil || !strings.Contains(err.Error(), "passes on the unpatched") {
		t.Errorf("with the patch before: %v", err)
	}
}
