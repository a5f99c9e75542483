package ossfuzz

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lines are those of a file, without its comments.
func lines(t *testing.T, name string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// What is sent is what OSS-Fuzz asks for (infra/presubmit.py and infra/ci/check_base_os.py in
// its repository): an image with a tag, which is base_os_version; no build argument, for it
// passes none; its licence; Go alone, with libFuzzer and AddressSanitizer. ClusterFuzzLite's
// image has the tag of its runner. max_len would switch off that libFuzzer begins with
// short inputs.
func TestFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: the scripts, for bash may be that of another system here")
	}
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "oss-fuzz"), os.DirFS("../../oss-fuzz")); err != nil {
		t.Fatal(err)
	}
	const repo, contact = "https://example.org/suite/shimfuzz.git", "someone@example.org"
	submit := func(repo, contact string) (string, error) {
		out, err := exec.Command("bash", "submission", root, repo, contact).CombinedOutput()
		return string(out), err
	}
	for _, tc := range []struct{ repo, contact, fails string }{
		{"", contact, "REPO="},
		{"git@example.org:shimfuzz", contact, "REPO="},
		{repo + " && true", contact, "REPO="},
		{repo, "", "CONTACT="},
		{repo, "someone", "CONTACT="},
		{repo, "someone@example.org\"", "CONTACT="},
	} {
		if out, err := submit(tc.repo, tc.contact); err == nil || !strings.Contains(out, tc.fails) {
			t.Errorf("REPO=%s CONTACT=%s: %v %s, want %s", tc.repo, tc.contact, err, out, tc.fails)
		}
	}
	if out, err := submit(repo, contact); err != nil || !strings.Contains(out, "NOT SEEN: the repository: ") {
		t.Fatalf("%v\n%s", err, out)
	}
	sent := filepath.Join(root, "build", "submission", "projects", "hcsshim")
	for name, want := range map[string][]string{
		filepath.Join(sent, "Dockerfile"): {
			"FROM gcr.io/oss-fuzz-base/base-builder-go:ubuntu-24-04",
			"RUN git clone --depth 1 https://github.com/microsoft/hcsshim $SRC/hcsshim",
			"RUN git clone --depth 1 " + repo + " $SRC/shimfuzz",
			"RUN cp $SRC/shimfuzz/oss-fuzz/build.sh $SRC/", "WORKDIR $SRC/hcsshim"},
		filepath.Join(sent, "project.yaml"): {
			`homepage: "https://github.com/microsoft/hcsshim"`, `main_repo: "https://github.com/microsoft/hcsshim"`,
			`primary_contact: "` + contact + `"`, "language: go", "base_os_version: ubuntu-24-04",
			"fuzzing_engines:", "- libfuzzer", "sanitizers:", "- address"},
		"../../.clusterfuzzlite/Dockerfile": {
			"FROM gcr.io/oss-fuzz-base/base-builder-go:v1",
			"RUN git clone --depth 1 https://github.com/microsoft/hcsshim $SRC/hcsshim",
			"COPY . $SRC/shimfuzz", "COPY .clusterfuzzlite/build.sh $SRC/", "WORKDIR $SRC/shimfuzz"},
		"../../.clusterfuzzlite/project.yaml": {
			"language: go", "fuzzing_engines:", "- libfuzzer", "sanitizers:", "- address"},
		"../../.clusterfuzzlite/build.sh":    {`bash -eux "$SRC/shimfuzz/oss-fuzz/build.sh"`},
		"../../oss-fuzz/readoptions.options": {"[libfuzzer]", "dict = readoptions.dict"},
	} {
		if d := cmp.Diff(want, lines(t, name)); d != "" {
			t.Errorf("%s (- want, + got):\n%s", name, d)
		}
	}
	for _, name := range []string{filepath.Join(sent, "Dockerfile"), filepath.Join(sent, "project.yaml"),
		"../../oss-fuzz/build.sh"} {
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), "http://www.apache.org/licenses/LICENSE-2.0") {
			t.Errorf("%s does not name the Apache License: %v", name, err)
		}
	}
	if err := os.Rename(filepath.Join(sent, "Dockerfile"), filepath.Join(root, "oss-fuzz", "Dockerfile")); err != nil {
		t.Fatal(err)
	}
	if out, err := submit(repo, contact); err == nil || !strings.Contains(out, "the word REPO once") {
		t.Errorf("what is filled in already is filled in again: %v\n%s", err, out)
	}
	if out, err := exec.Command("bash", "-n", "../../oss-fuzz/build.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
