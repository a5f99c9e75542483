package upstream

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/workspace"
)

// git am makes the patched copy of an unpatched one, for a user without a name, too.
func TestPatch(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("NOT RUN: the patch, for there is no git: %v", err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	ctx := t.Context()
	source, err := extract.Locate("../..", "")
	if err != nil {
		t.Fatal(err)
	}
	dir, fresh := t.TempDir(), t.TempDir()
	patched, name := filepath.Join(dir, "hcsshim"), filepath.Join(dir, "mail")
	if err := writePatch(ctx, source, patched, name); err != nil {
		t.Fatal(err)
	}
	if err := workspace.CopyTree(fresh, source.Dir); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-q", "-m", "x"}, {"am", "-q", name}} {
		if _, err := git(ctx, fresh, args...); err != nil {
			t.Fatal(err)
		}
	}
	here, there := filepath.Join(patched, shimDir), filepath.Join(fresh, shimDir)
	if out, err := git(ctx, dir, "diff", "--no-index", here, there); err != nil {
		t.Errorf("git am does not make the patched copy: %v\n%s", err, out)
	}
	if out, err := exec.Command("gofmt", "-l", here).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("not gofmt'd: %v\n%s", err, out)
	}
	if err := apply(patched, fixes[len(changes):]); err != nil {
		t.Error(err)
	}
	if err := apply(patched, changes); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a patched copy is patched again: %v", err)
	}
}

// A report begins with the private channel if it is of a crash. That of a finding that is
// fixed has the last release with it, and of no other.
func TestReports(t *testing.T) {
	docs, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	reports, err := choose("")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, r := range reports {
		name := filepath.Join(dir, r.Name+".md")
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s: another report has that name", r.Name)
		}
		if err := r.write(dir); err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		private := bytes.HasPrefix(text, []byte("**A payload crashes"))
		if private != strings.Contains(r.Finding, "panics") || bytes.Contains(text, []byte("<no value>")) ||
			r.Breaks.Text == "" || r.Effect == "" || r.Folder == "" || r.path == "" {
			t.Errorf("%s: something is missing, or it is of a crash, or of none:\n%s", r.Name, text)
		}
		before := findings.All.Of(r.Program, r.version).Has(r.Finding)
		after := r.Fixed != "" && !findings.All.Of(r.Program, r.Fixed).Has(r.Finding)
		if r.Program != protobuf && (!before || after != (r.Last != "")) {
			t.Errorf("%s is in %s: %v; it is fixed in %q: %v", r.Name, r.Release, before, r.Fixed, after)
		}
		for rule := range strings.SplitSeq(r.Rules, ", ") {
			row := regexp.MustCompile(`\*\*` + rule + "\\*\\* |\\| `?" + rule + "`? \\|")
			if rule != "" && !row.Match(docs) {
				t.Errorf("%s: docs/contract.md has no rule %s", r.Name, rule)
			}
		}
		source, err := os.ReadFile(filepath.Join(dir, r.File))
		if err != nil || bytes.Contains(source, []byte("shimfuzz")) {
			t.Errorf("%s: the test is not on its own: %v", r.Name, err)
		}
	}
	if _, err := choose("no-such"); err == nil || !strings.Contains(err.Error(), "bootstrap-rejected, ") {
		t.Errorf("an unknown finding: %v, want a list", err)
	}
}

// Each finding has in each project that has it either a report or a reason for none, of
// which the page tells; that of protobuf stands for all programs with its defect.
func TestEveryFinding(t *testing.T) {
	docs, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	has := make(map[string]bool) // by finding and project
	for _, s := range subjects {
		key := s.Finding + " " + project(s.Program)
		if s.unreported != "" && (has[key] || !bytes.Contains(docs, []byte(s.unreported))) {
			t.Errorf("%s has a report, too, or docs/findings.md does not say why it has none", key)
		}
		has[key] = true
	}
	known := make(map[string]bool)
	for _, f := range findings.All {
		known[f.Name+" "+protobuf] = true
		for _, place := range f.Places {
			key := f.Name + " " + project(place.Program)
			known[key] = true
			if !has[key] && !has[f.Name+" "+protobuf] {
				t.Errorf("%s has no report: give it one in subjects, or a reason (subjects.go)", key)
			}
		}
	}
	for key := range has {
		if !known[key] {
			t.Errorf("%s is not known", key)
		}
	}
}

// A report whose test does not fail before the fix, or fails after it, or does not run,
// is an error.
func TestProve(t *testing.T) {
	for _, test := range []struct{ name, fails, before, after string }{
		{"fails and passes", "", "FAIL", "PASS"},
		{"passes before", "passes on the unpatched", "PASS", "PASS"},
		{"fails after", "fails on the patched copy", "FAIL", "FAIL"},
		{"did not run before", "did not run", "", "PASS"},
		{"did not run after", "did not run", "FAIL", ""},
	} {
		err := (&report{Test: "TestX"}).prove(func(fixed bool) (string, error) {
			did := map[bool]string{false: test.before, true: test.after}[fixed]
			if did == "" {
				return "exit status 2\n", nil
			}
			return "=== RUN   TestX\n--- " + did + ": TestX (0.00s)\n", nil
		})
		if (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s: %v, want %q", test.name, err, test.fails)
		}
	}
}

// An older release instead of the pinned one has another readOptions, and the tests that run
// on it fail with the findings that are known of the pinned one.
func TestDiffers(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: a comparison of two releases, for it takes a minute")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := extract.Prepare(root, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ path, version, shows string }{
		{protobuf, "v0.0.0-none", "v0.0.0-none"}, // is not there
		{hcsshim, pinned.Source.Version, ""},
		{hcsshim, "v0.14.1", "\n-\tvar params bootapi"},
	} {
		text := differs(t.Context(), pinned, row.path, row.version)
		if !strings.Contains(text, row.shows) || row.shows == "" && text != "" {
			t.Errorf("%s %s shows %q, want %q", row.path, row.version, text, row.shows)
		}
	}
}
