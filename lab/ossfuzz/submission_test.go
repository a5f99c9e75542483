package ossfuzz

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is sent has the two addresses filled in, and the header that OSS-Fuzz's
// .github/header-checker-lint.yml asks for; nothing is written for a repository that does not
// answer.
func TestSubmission(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: the scripts, for bash may be that of another system here")
	}
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "oss-fuzz"), os.DirFS("../../oss-fuzz")); err != nil {
		t.Fatal(err)
	}
	sent := filepath.Join(root, "build", "submission", "projects", "hcsshim")
	// To git https://example.org is a folder.
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "url."+root+"/.insteadOf")
	t.Setenv("GIT_CONFIG_VALUE_0", "https://example.org/")
	const repo, contact = "https://example.org/suite/shimfuzz.git", "someone@example.org"
	submit := func(repo, contact, fails string) {
		t.Helper()
		out, err := exec.Command("bash", "submission", root, repo, contact).CombinedOutput()
		if (err == nil) != (fails == "") || !strings.Contains(string(out), fails) {
			t.Errorf("REPO=%s CONTACT=%s: %v %s, want %s", repo, contact, err, out, fails)
		}
		if _, err := os.Stat(filepath.Join(sent, "project.yaml")); (err == nil) != (fails == "") {
			t.Errorf("REPO=%s CONTACT=%s: %v", repo, contact, err)
		}
	}
	submit("", contact, "REPO=")
	submit("git@example.org:shimfuzz", contact, "REPO=")
	submit(repo+" && true", contact, "REPO=")
	submit(repo, "", "CONTACT=")
	submit(repo, "someone", "CONTACT=")
	submit(repo, "someone@example.org\"", "CONTACT=")
	submit(repo, contact, "NOT SEEN")
	const commit = `git init -q "$0" && cd "$0" && git -c user.name=x -c user.email=x commit -q --allow-empty -m x`
	git := exec.Command("bash", "-c", commit, filepath.Join(root, "suite", "shimfuzz.git"))
	if out, err := git.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	submit(repo, contact, "")
	dockerfile, project := filepath.Join(sent, "Dockerfile"), filepath.Join(sent, "project.yaml")
	if !strings.Contains(read(t, dockerfile), "git clone --depth 1 "+repo+" $SRC/shimfuzz\n") ||
		!strings.Contains(read(t, project), `primary_contact: "`+contact+`"`) {
		t.Error("the addresses are not filled in")
	}
	for _, file := range []string{dockerfile, project} {
		if got := read(t, file); !regexp.MustCompile(`^# Copyright 20\d\d Google LLC\n`).MatchString(got) ||
			strings.Count(got, "http://www.apache.org/licenses/LICENSE-2.0\n") != 1 {
			t.Errorf("%s does not have OSS-Fuzz's header:\n%s", file, got)
		}
	}
	if err := os.Rename(dockerfile, filepath.Join(root, "oss-fuzz", "Dockerfile")); err != nil {
		t.Fatal(err)
	}
	submit(repo, contact, "the word REPO once")
}

// Both projects are what their infrastructure asks for (infra/presubmit.py and
// infra/ci/check_base_os.py of OSS-Fuzz): an image with the tag that is base_os_version; no
// build argument, for it passes none; Go alone, with libFuzzer and AddressSanitizer; and for
// OSS-Fuzz its licence.
func TestProjects(t *testing.T) {
	for folder, build := range map[string]string{
		"../../oss-fuzz":         "RUN cp $SRC/shimfuzz/oss-fuzz/build.sh $SRC/\n",
		"../../.clusterfuzzlite": "COPY oss-fuzz/build.sh $SRC/\n",
	} {
		dockerfile, project := read(t, folder+"/Dockerfile"), read(t, folder+"/project.yaml")
		if !strings.Contains(dockerfile, "\nFROM gcr.io/oss-fuzz-base/base-builder-go:ubuntu-24-04\n") ||
			strings.Contains(dockerfile, "ARG ") || !strings.Contains(dockerfile, build) {
			t.Errorf("%s/Dockerfile:\n%s", folder, dockerfile)
		}
		project = regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(project, "")
		if !strings.HasSuffix(project, "language: go\nbase_os_version: ubuntu-24-04\n"+
			"fuzzing_engines:\n  - libfuzzer\nsanitizers:\n  - address\n") {
			t.Errorf("%s/project.yaml:\n%s", folder, project)
		}
	}
	for _, name := range []string{"build.sh", "without_counters"} {
		if !strings.Contains(read(t, "../../oss-fuzz/"+name), "http://www.apache.org/licenses/LICENSE-2.0") {
			t.Errorf("%s does not name the Apache License", name)
		}
	}
	// max_len would switch off that libFuzzer begins with short inputs.
	if got := read(t, "../../oss-fuzz/readoptions.options"); got != "[libfuzzer]\ndict = readoptions.dict\n" {
		t.Errorf("readoptions.options: %s", got)
	}
	if out, err := exec.Command("bash", "-n", "../../oss-fuzz/build.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// CONTRIBUTING.md has the one list of what runs when: what the workflows run with make, and the
// scripts that they run, stands there.
func TestScheduled(t *testing.T) {
	_, list, _ := strings.Cut(read(t, "../../CONTRIBUTING.md"), "\n## What runs when\n")
	list, _, _ = strings.Cut(list, "\n## ")
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	command := regexp.MustCompile(`(?m)^[ \t]*(?:- run: )?(?:make (?:-C lab )?([a-z0-9-]+)|.*(\.ci/\w+)$)`)
	for _, file := range append(files, "../../.ci/lab", "../../.ci/run") {
		for _, m := range command.FindAllStringSubmatch(read(t, file), -1) {
			if name := m[1] + m[2]; !regexp.MustCompile("[ `]" + name + "[` ]").MatchString(list) {
				t.Errorf("%s: %s is not in CONTRIBUTING.md's list", file, name)
			}
		}
	}
}
