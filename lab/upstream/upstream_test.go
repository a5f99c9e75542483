package upstream

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/compat/findings"
)

// repositoryOf is a git repository with the hcsshim that go.mod requires, of a user with a name.
func repositoryOf(t *testing.T) (source, tree string) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("NOT RUN: the patch, for there is no git: %v", err)
	}
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+who+"_NAME", "A Person")
		t.Setenv("GIT_"+who+"_EMAIL", "person@example.org")
	}
	s, err := extract.Locate("../..", "")
	if err != nil {
		t.Fatal(err)
	}
	tree = filepath.Join(t.TempDir(), "hcsshim")
	if err := repository(t.Context(), tree, s.Dir); err != nil {
		t.Fatal(err)
	}
	return s.Dir, tree
}

// git am makes the patched copy of an unpatched one, a commit for each finding.
func TestPatch(t *testing.T) {
	source, fresh := repositoryOf(t)
	reports, err := patched("")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tree := filepath.Join(dir, "hcsshim")
	if err := writePatch(t.Context(), source, tree, reports); err != nil {
		t.Fatal(err)
	}
	mails, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil || len(mails) != len(reports) {
		t.Fatalf("%d patches of %d findings: %v", len(mails), len(reports), err)
	}
	for _, mail := range mails {
		text, err := os.ReadFile(mail)
		if err != nil || !bytes.Contains(text, []byte("\nSigned-off-by: A Person <person@example.org>\n")) {
			t.Errorf("not signed off: %v\n%s", err, text)
		}
		if _, err := git(t.Context(), fresh, "am", "-q", mail); err != nil {
			t.Fatal(err)
		}
	}
	here, there := filepath.Join(tree, "cmd"), filepath.Join(fresh, "cmd")
	if out, err := git(t.Context(), dir, "diff", "--no-index", here, there); err != nil {
		t.Errorf("git am does not make the patched copy: %v\n%s", err, out)
	}
	out, err := exec.Command("gofmt", "-l", filepath.Join(tree, shimDir)).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("not gofmt'd: %v\n%s", err, out)
	}
	if err := apply(tree, reports[0].changes); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a patched copy is patched again: %v", err)
	}
}

// The changes of each finding are complete without those of another.
func TestPatchOfOne(t *testing.T) {
	_, tree := repositoryOf(t)
	for _, s := range subjects {
		if project(s.Program) != "hcsshim" || len(s.changes) == 0 {
			continue
		}
		if err := apply(tree, s.changes); err != nil {
			t.Errorf("%s: %v", s.Finding, err)
		}
		if _, err := git(t.Context(), tree, "reset", "-q", "--hard"); err != nil {
			t.Fatal(err)
		}
	}
	for _, finding := range []string{"damage-ignored", "bootstrap-rejected", "no-such"} {
		if _, err := patched(finding); err == nil || !strings.Contains(err.Error(), "FINDING="+finding) {
			t.Errorf("%s: %v, want that there is no patch", finding, err)
		}
	}
}

// A patch that cannot be made leaves nothing, neither of this run nor of an earlier one.
func TestFailedPatch(t *testing.T) {
	_, tree := repositoryOf(t)
	root := t.TempDir()
	build := filepath.Join(root, "build")
	page, err := os.ReadFile("../../docs/contract.md")
	errDocs := os.Mkdir(filepath.Join(root, "docs"), 0o777)
	errPage := os.WriteFile(filepath.Join(root, "docs", "contract.md"), page, 0o666)
	if err := errors.Join(err, errDocs, errPage, apply(tree, subjects[0].changes)); err != nil {
		t.Fatal(err)
	}
	fails := func(wants string) {
		if err := os.MkdirAll(filepath.Join(build, "patch", "0001-old.patch"), 0o777); err != nil {
			t.Fatal(err)
		}
		err := Patch(t.Context(), root, tree, subjects[0].Finding)
		left, _ := filepath.Glob(filepath.Join(build, "*"))
		if err == nil || !strings.Contains(err.Error(), wants) || len(left) > 0 {
			t.Errorf("%v, and leaves %q; want %q and nothing", err, left, wants)
		}
	}
	fails("not found") // it is patched already
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "EMAIL"} {
		t.Setenv(name, "")
		os.Unsetenv(name) // until the end of the test
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	fails("user.name")
}

// A report begins with the private channel if it is of a crash, and then with who can reach
// it. That of a finding that is fixed has the last release with it, and of no other.
func TestReports(t *testing.T) {
	reports, err := choose("", reported)
	if err != nil {
		t.Fatal(err)
	}
	has := make(map[string]bool)
	for _, r := range reports {
		if has[r.Name] {
			t.Errorf("%s: another report has that name", r.Name)
		}
		has[r.Name] = true
		r.Diff = "DIFF\n"
		page := text("report", r)
		private := bytes.HasPrefix(page, []byte("**A payload crashes"))
		if private != strings.Contains(r.Finding, "panics") || bytes.Contains(page, []byte("<no value>")) ||
			r.Breaks.Text == "" || r.Text.Get("Reach") == "" || r.Effect == "" || r.Folder == "" || r.path == "" {
			t.Errorf("%s: something is missing, or it is of a crash, or of none:\n%s", r.Name, page)
		}
		if lines := bytes.Count(page, []byte("\n")); lines > 110 {
			t.Errorf("%s: %d lines without what is printed and changed, want one screen or two", r.Name, lines)
		}
		before := findings.All.Of(r.Program, r.version).Has(r.Finding)
		after := r.Fixed != "" && !findings.All.Of(r.Program, r.Fixed).Has(r.Finding)
		if r.Program != protobuf && (!before || after != (r.Last != "")) {
			t.Errorf("%s is in %s: %v; it is fixed in %q: %v", r.Name, r.Release, before, r.Fixed, after)
		}
		if (r.Last == "") != (len(r.changes) > 0) || r.path == hcsshim && r.Last == "" && r.Text.Get("Commit") == "" {
			t.Errorf("%s: %d changes fix it, it is last in %q, or there is no Commit", r.Name, len(r.changes), r.Last)
		}
		if source, err := r.Source(); err != nil || strings.Contains(source, "shimfuzz") {
			t.Errorf("%s: the test is not on its own: %v", r.Name, err)
		}
	}
	if _, err := choose("no-such", reported); err == nil ||
		!strings.Contains(err.Error(), "bootstrap-rejected, ") {
		t.Errorf("an unknown finding: %v, want a list", err)
	}
	quoted, err := quote("M2, M3")
	if err != nil || len(quoted) != 2 || quoted[1].Text != "Field number 0." {
		t.Errorf("rules are quoted as %q, %v", quoted, err)
	}
	if _, err := quote("R9"); err == nil {
		t.Error("a rule is quoted that is not there")
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
