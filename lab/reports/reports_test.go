package reports

import (
	"bytes"
	"context"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/workspace"
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

// git am makes the patched copy of an unpatched one, for a user without a name, too.
func TestPatch(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("NOT RUN: the patch, for there is no git: %v", err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	ctx := context.Background()
	source, err := extract.Locate(root(t), "")
	if err != nil {
		t.Fatal(err)
	}
	dir, fresh := t.TempDir(), t.TempDir()
	name, err := writePatch(ctx, source, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := workspace.CopyTree(fresh, source.Dir); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "x"}, {"am", "-q", name}} {
		if err := git(ctx, fresh, args...); err != nil {
			t.Fatal(err)
		}
	}
	patched := filepath.Join(dir, "hcsshim")
	shim := os.DirFS(filepath.Join(patched, shimDir))
	files, err := fs.Glob(shim, "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		want, err := fs.ReadFile(shim, file)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(fresh, shimDir, file)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what git am makes: %v", file, err)
		}
		if formatted, err := format.Source(want); err != nil || !bytes.Equal(formatted, want) {
			t.Errorf("%s is not gofmt'd: %v", file, err)
		}
	}
	if err := applyMore(patched); err != nil {
		t.Error(err)
	}
	if err := apply(patched); err == nil || !strings.Contains(err.Error(), "not found") {
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
			r, err := newReport(s)
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
			if private := bytes.HasPrefix(text, []byte("**A payload crashes")); private != strings.Contains(s.Finding,
				"panics") {
				t.Errorf("the first line is of a crash: %v", private)
			}
			if r.Rule == "" || r.Effect == "" || r.Affected == "" || strings.Contains(string(text), "<no value>") {
				t.Errorf("something is missing:\n%s", text)
			}
			for rule := range strings.SplitSeq(s.Rules, ", ") {
				if !bytes.Contains(docs, []byte("**"+rule+"** ")) && !bytes.Contains(docs, []byte("| "+rule+" |")) &&
					!bytes.Contains(docs, []byte("| `"+rule+"` |")) && rule != "" {
					t.Errorf("docs/contract.md has no rule %s", rule)
				}
			}
			source, err := os.ReadFile(filepath.Join(dir, r.File))
			if err != nil || bytes.Contains(source, []byte("shimfuzz")) {
				t.Errorf("the test is not on its own: %v", err)
			}
		})
	}
	for finding, says := range map[string]string{"no-such": "identity-misread", "legacy-refused": "by design"} {
		if _, err := choose(finding); err == nil || strings.Contains(err.Error(), "\n") ||
			!strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want one line with %q", finding, err, says)
		}
	}
}

// Each finding has in each project that has it either a report or a reason for none. The
// report of one that is fixed has the last release with it, and of no other.
func TestEveryFinding(t *testing.T) {
	has := make(map[string]int) // reports and reasons, by finding and project
	for _, s := range subjects {
		has[s.Finding+" "+project(s.Program)]++
		place, found := s.of().In(s.Program)
		switch {
		case s.Program == protobuf:
			for _, place := range s.of().Places { // it is the same defect
				has[s.Finding+" "+project(place.Program)]++
			}
		case !found:
			t.Errorf("%s is not known of %s", s.Finding, s.Program)
		case (s.Last != "") != (place.Fixed != ""):
			t.Errorf("%s in %s is fixed in %q, and the last release with it is %q", s.Finding, s.Program, place.Fixed,
				s.Last)
		case s.Last != "" && (!findings.All.Of(s.Program, s.Last).Has(s.Finding) ||
			findings.All.Of(s.Program, place.Fixed).Has(s.Finding)):
			t.Errorf("%s is not fixed between %s and %s of %s", s.Finding, s.Last, place.Fixed, s.Program)
		}
	}
	docs, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range unreported {
		if !bytes.Contains(docs, []byte(u.why)) {
			t.Errorf("docs/findings.md does not say why %s has no report: %s", u.finding, u.why)
		}
		key := u.finding + " " + u.project
		has[key]++
		if has[key] > 1 {
			t.Errorf("%s has a report, and a reason for none", key)
		}
	}
	known := make(map[string]bool)
	for _, f := range findings.All {
		for _, place := range f.Places {
			key := f.Name + " " + project(place.Program)
			known[key] = true
			if has[key] == 0 {
				t.Errorf("%s has no report: give it one in subjects, or a reason in unreported (subjects.go)", key)
			}
		}
	}
	for key := range has {
		if !known[key] && !strings.HasSuffix(key, protobuf) {
			t.Errorf("%s is not known", key)
		}
	}
}

// A report whose test does not fail before the fix, or fails after it, or does not run,
// is an error.
func TestProven(t *testing.T) {
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
		err := r.proven(func(fixed bool) (result, error) {
			did := test.before
			if fixed {
				did = test.after
			}
			out := "exit status 2\n"
			if did != "" {
				out = "=== RUN   TestX\n--- " + did + ": TestX (0.00s)\n"
			}
			return result{did != "PASS", out}, nil
		})
		if (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s: %v, want %q", test.name, err, test.fails)
		}
	}
}

// The extracted readOptions proves a report; a copy that is patched before, too, does not.
func TestExtracted(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: a proof with the extracted readOptions, for it takes half a minute")
	}
	r, err := newReport(subjects[0])
	if err != nil {
		t.Fatal(err)
	}
	p := &prover{root: root(t), work: filepath.Join(t.TempDir(), "work"), reports: []*report{r}}
	defer p.close()
	run := func(fixed bool) (result, error) { return p.run(context.Background(), r, fixed) }
	if err := r.proven(run); err != nil {
		t.Error(err)
	}
	if err := r.proven(func(bool) (result, error) { return run(true) }); err == nil ||
		!strings.Contains(err.Error(), "passes on the unpatched") {
		t.Errorf("with the patch before: %v", err)
	}
}
