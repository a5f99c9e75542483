package project

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const root = "../../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is written passes, and each thing that OSS-Fuzz refuses is refused.
func TestWriteAndCheck(t *testing.T) {
	for _, tc := range []struct{ name, old, new, fails string }{
		{name: "as it is"},
		{"an image without a tag", ":ubuntu-24-04", "", `"FROM gcr.io/oss-fuzz-base/base-builder-go", want`},
		{"an image with another tag", ":ubuntu-24-04", ":latest", "want FROM"},
		{"an argument without a default", "WORKDIR", "ARG REVISION\nWORKDIR", `"ARG REVISION" has no default`},
		{"an argument with a default", "WORKDIR", "ARG REVISION=main\nWORKDIR", ""},
		{"no version of the system", "base_os_version:", "#", "base_os_version"},
		{"a section that OSS-Fuzz has not", "language: go", "language: go\nengine: none", "field engine not found"},
		{"another language", "language: go", "language: c", "want go"},
		{"another sanitizer", "- address", "- undefined", "want go"},
		{"no licence", "http://www.apache.org", "", "Apache License"},
		{"no build.sh", "build.sh $SRC/", "build.sh /", "build.sh"},
		{"no suite", "$SRC/shimfuzz\n", "$SRC/suite\n", "the suite from no"},
		{"another repository", "main_repo: ", "main_repo: x #", "main_repo"},
		{"the address filled in already", "REPO", "it", "does not have the word REPO once"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			from := t.TempDir()
			for _, name := range []string{"Dockerfile", "project.yaml"} {
				text := read(t, "oss-fuzz/"+name)
				if tc.old != "" {
					text = strings.ReplaceAll(text, tc.old, tc.new)
				}
				if err := errors.Join(os.MkdirAll(filepath.Join(from, "oss-fuzz"), 0o777),
					os.WriteFile(filepath.Join(from, "oss-fuzz", name), []byte(text), 0o666)); err != nil {
					t.Fatal(err)
				}
			}
			dir, err := Write(from, "https://example.org/suite/shimfuzz.git", "someone@example.org")
			if err == nil {
				err = Check(dir)
			}
			if tc.fails == "" && err != nil || tc.fails != "" && (err == nil ||
				!strings.Contains(err.Error(), tc.fails)) {
				t.Errorf("%v, want %q", err, tc.fails)
			}
		})
	}
}

// What is in the tree is not filled in, so it is refused.
func TestCheckRefusesTheTree(t *testing.T) {
	err := Check(filepath.Join(root, "oss-fuzz"))
	if err == nil || !strings.Contains(err.Error(), "primary_contact") || !strings.Contains(err.Error(),
		"the suite from no") {
		t.Errorf("%v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	const repo, contact = "https://example.org/shimfuzz", "someone@example.org"
	for _, tc := range []struct{ repo, contact, fails string }{
		{"", contact, "REPO="},
		{"git@example.org:shimfuzz", contact, "REPO="},
		{repo + " && true", contact, "REPO="},
		{repo, "", "CONTACT="},
		{repo, "someone", "CONTACT="},
		{repo, "someone@example.org\"", "CONTACT="},
	} {
		if _, err := Write(t.TempDir(), tc.repo, tc.contact); err == nil || !strings.Contains(err.Error(), tc.fails) {
			t.Errorf("REPO=%s CONTACT=%s: %v, want %s", tc.repo, tc.contact, err, tc.fails)
		}
	}
}

// ClusterFuzzLite's image has the tag of its runner, and a build.sh that runs the one there is.
func TestClusterFuzzLite(t *testing.T) {
	d, err := readDescription(filepath.Join(root, ".clusterfuzzlite", "project.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dockerfile := read(t, ".clusterfuzzlite/Dockerfile")
	if err := errors.Join(d.check(), checkDockerfile(dockerfile, "v1")); err != nil {
		t.Error(err)
	}
	if !strings.Contains(dockerfile, "\nCOPY . $SRC/shimfuzz\n") || d.BaseOSVersion != "" {
		t.Errorf("the suite is not the working tree, or base_os_version %q is not the tag's", d.BaseOSVersion)
	}
	if got, want := read(t, ".clusterfuzzlite/build.sh"),
		"#!/bin/bash -eu\nbash -eux \"$SRC/shimfuzz/oss-fuzz/build.sh\"\n"; got != want {
		t.Errorf("build.sh is\n%s\nwant\n%s", got, want)
	}
}

func TestScripts(t *testing.T) {
	if err := checkLicence("oss-fuzz/build.sh", read(t, "oss-fuzz/build.sh")); err != nil {
		t.Error(err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: bash -n, for bash may be that of another system here")
	}
	if err := Syntax(t.Context(), root); err != nil {
		t.Error(err)
	}
}
