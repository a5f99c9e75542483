package ossfuzz

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// description is what a project.yaml here has. OSS-Fuzz knows more sections.
type description struct {
	Homepage       string
	MainRepo       string `yaml:"main_repo"`
	PrimaryContact string `yaml:"primary_contact"`
	Language       string
	BaseOSVersion  string   `yaml:"base_os_version"`
	FuzzingEngines []string `yaml:"fuzzing_engines"`
	Sanitizers     []string
}

func describe(t *testing.T, text []byte) (d description) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// lines are those of a Dockerfile without its comments.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// What is sent is what OSS-Fuzz asks for (infra/presubmit.py and infra/ci/check_base_os.py in
// its repository): an image with a tag, which is base_os_version; no build argument, for it
// passes none; its licence; Go alone, with libFuzzer and AddressSanitizer.
func TestWriteSubmission(t *testing.T) {
	from := t.TempDir()
	if err := os.CopyFS(filepath.Join(from, "oss-fuzz"), os.DirFS("../../oss-fuzz")); err != nil {
		t.Fatal(err)
	}
	const repo, contact = "https://example.org/suite/shimfuzz.git", "someone@example.org"
	dir, err := WriteSubmission(from, repo, contact)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(dir)
	if !regexp.MustCompile(`^[a-z0-9_-]+$`).MatchString(name) || strings.Contains(name, "google") {
		t.Errorf("%s is not a name that a project can have", name)
	}
	dockerfile, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{
		"FROM gcr.io/oss-fuzz-base/base-builder-go:ubuntu-24-04",
		"RUN git clone --depth 1 https://github.com/microsoft/hcsshim $SRC/hcsshim",
		"RUN git clone --depth 1 " + repo + " $SRC/shimfuzz",
		"RUN cp $SRC/shimfuzz/oss-fuzz/build.sh $SRC/",
		"WORKDIR $SRC/hcsshim",
	}, lines(string(dockerfile))); d != "" {
		t.Errorf("the Dockerfile (- want, + got):\n%s", d)
	}
	project, err := os.ReadFile(filepath.Join(dir, "project.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const hcsshim = "https://github.com/microsoft/hcsshim"
	if d := cmp.Diff(description{hcsshim, hcsshim, contact, "go", "ubuntu-24-04", []string{"libfuzzer"},
		[]string{"address"}}, describe(t, project)); d != "" {
		t.Errorf("project.yaml (- want, + got):\n%s", d)
	}
	for name, text := range map[string]string{"Dockerfile": string(dockerfile),
		"build.sh": read(t, "oss-fuzz/build.sh")} {
		if !strings.Contains(text, "http://www.apache.org/licenses/LICENSE-2.0") {
			t.Errorf("%s does not name the Apache License", name)
		}
	}
	if err := os.Rename(filepath.Join(dir, "Dockerfile"), filepath.Join(from, "oss-fuzz", "Dockerfile")); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteSubmission(from, repo, contact); err == nil ||
		!strings.Contains(err.Error(), "the word REPO once") {
		t.Errorf("what is filled in already is filled in again: %v", err)
	}
}

func TestWriteSubmissionRefuses(t *testing.T) {
	const repo, contact = "https://example.org/shimfuzz", "someone@example.org"
	for _, tc := range []struct{ repo, contact, fails string }{
		{"", contact, "REPO="},
		{"git@example.org:shimfuzz", contact, "REPO="},
		{repo + " && true", contact, "REPO="},
		{repo, "", "CONTACT="},
		{repo, "someone", "CONTACT="},
		{repo, "someone@example.org\"", "CONTACT="},
	} {
		if _, err := WriteSubmission(t.TempDir(), tc.repo, tc.contact); err == nil ||
			!strings.Contains(err.Error(), tc.fails) {
			t.Errorf("REPO=%s CONTACT=%s: %v, want %s", tc.repo, tc.contact, err, tc.fails)
		}
	}
}

// ClusterFuzzLite's image has the tag of its runner, and a build.sh that runs the one there is.
func TestClusterFuzzLite(t *testing.T) {
	d := describe(t, []byte(read(t, ".clusterfuzzlite/project.yaml")))
	if d.Language != "go" || !cmp.Equal(d.FuzzingEngines, []string{"libfuzzer"}) ||
		!cmp.Equal(d.Sanitizers, []string{"address"}) || d.BaseOSVersion != "" {
		t.Errorf("project.yaml has %+v", d)
	}
	dockerfile := read(t, ".clusterfuzzlite/Dockerfile")
	for _, line := range []string{"FROM gcr.io/oss-fuzz-base/base-builder-go:v1", "COPY . $SRC/shimfuzz",
		"COPY .clusterfuzzlite/build.sh $SRC/"} {
		if !strings.Contains(dockerfile, "\n"+line+"\n") {
			t.Errorf("the Dockerfile has no line %q", line)
		}
	}
	if regexp.MustCompile(`(?mi)^\s*ARG\s+[^=\n]*$`).MatchString(dockerfile) {
		t.Error("the Dockerfile has an argument without a default")
	}
	if !strings.Contains(dockerfile, " https://github.com/microsoft/hcsshim $SRC/hcsshim\n") {
		t.Error("the Dockerfile does not clone hcsshim")
	}
	if got, want := read(t, ".clusterfuzzlite/build.sh"),
		"#!/bin/bash -eu\nbash -eux \"$SRC/shimfuzz/oss-fuzz/build.sh\"\n"; got != want {
		t.Errorf("build.sh is\n%s\nwant\n%s", got, want)
	}
}

func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: bash -n, for bash may be that of another system here")
	}
	for _, script := range []string{"oss-fuzz/build.sh", ".clusterfuzzlite/build.sh"} {
		if out, err := exec.Command("bash", "-n", filepath.Join("..", "..", script)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}
