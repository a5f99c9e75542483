package ossfuzz

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"shimfuzz/internal/targets"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// build.sh, package libfuzzer and the README have the targets of the one list.
func TestOneListOfTargets(t *testing.T) {
	shell := regexp.MustCompile(`(?m)^targets='(.*)'$`).FindStringSubmatch(read(t, "oss-fuzz/build.sh"))
	if shell == nil || !slices.Equal(strings.Fields(shell[1]), targets.Names()) {
		t.Errorf("build.sh builds %q, the list has %q", shell, targets.Names())
	}
	var functions []string
	for _, m := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(data \[\]byte\) int {`).FindAllStringSubmatch(read(t, "fuzz/libfuzzer/libfuzzer.go"), -1) {
		functions = append(functions, m[1])
	}
	if !slices.Equal(functions, targets.Names()) {
		t.Errorf("package libfuzzer has %q, the list %q", functions, targets.Names())
	}
	readme := read(t, "README.md")
	for _, name := range targets.Names() {
		if !strings.Contains(readme, "`"+name+"`") {
			t.Errorf("the README does not name %s", name)
		}
	}
}

// What OSS-Fuzz's presubmit checks of a project.yaml, and what this project needs.
func TestProjectYAML(t *testing.T) {
	known := []string{"homepage", "main_repo", "language", "primary_contact", "auto_ccs", "vendor_ccs", "fuzzing_engines",
		"sanitizers", "architectures", "help_url", "base_os_version", "builds_per_day", "coverage_extra_args", "disabled",
		"file_github_issue", "labels", "run_tests", "selective_unpack", "view_restrictions"}
	for _, name := range []string{"oss-fuzz/project.yaml", ".clusterfuzzlite/project.yaml"} {
		var project map[string]any
		if err := yaml.Unmarshal([]byte(read(t, name)), &project); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for section := range project {
			if !slices.Contains(known, section) {
				t.Errorf("%s: no such section as %s", name, section)
			}
		}
		if project["language"] != "go" {
			t.Errorf("%s: language %v, want go", name, project["language"])
		}
		for section, want := range map[string]string{"sanitizers": "address", "fuzzing_engines": "libfuzzer"} {
			if list, _ := project[section].([]any); len(list) != 1 || list[0] != want {
				t.Errorf("%s: %s are %v, want %s alone: Go has no other", name, section, project[section], want)
			}
		}
	}
	var project struct {
		MainRepo string `yaml:"main_repo"`
		Homepage string
	}
	if err := yaml.Unmarshal([]byte(read(t, "oss-fuzz/project.yaml")), &project); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(project.MainRepo, "/microsoft/hcsshim") || project.Homepage == "" {
		t.Errorf("main_repo %q, homepage %q", project.MainRepo, project.Homepage)
	}
}

// The files that go to OSS-Fuzz's repository carry the licence it asks for.
func TestLicence(t *testing.T) {
	for _, name := range []string{"project.yaml", "Dockerfile", "build.sh"} {
		if !strings.Contains(read(t, "oss-fuzz/"+name), "http://www.apache.org/licenses/LICENSE-2.0") {
			t.Errorf("oss-fuzz/%s does not name the Apache License", name)
		}
	}
}

// Both images get the hcsshim and the suite that build.sh looks for, and that
// very build.sh; OSS-Fuzz's has no address of the suite made up.
func TestDockerfiles(t *testing.T) {
	for name, parts := range map[string][]string{
		"oss-fuzz/Dockerfile":         {"\nARG SHIMFUZZ_REPO\n", "${SHIMFUZZ_REPO:?", "\nCOPY build.sh $SRC/\n", `"$SRC/hcsshim"`, `"$SRC/shimfuzz"`},
		".clusterfuzzlite/Dockerfile": {"\nCOPY . $SRC/shimfuzz\n", `cp "$SRC/shimfuzz/oss-fuzz/build.sh" "$SRC/build.sh"`, `"$SRC/hcsshim"`},
	} {
		text := read(t, name)
		for _, part := range append(parts, "\nFROM gcr.io/oss-fuzz-base/base-builder-go\n", "\nARG HCSSHIM_REPO=", "\nARG HCSSHIM_REVISION=") {
			if !strings.Contains("\n"+text, part) {
				t.Errorf("%s has no %q", name, part)
			}
		}
	}
}

// A seed longer than max_len would be cut off; see also fuzz.TestSeedsAsInputs.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "FuzzX.options"), []byte(read(t, "oss-fuzz/readoptions.options")), 0o666); err != nil {
		t.Fatal(err)
	}
	flags, err := Fuzzer{Dir: dir, Target: "FuzzX"}.options()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"-max_len=65536", "-dict=" + filepath.Join(dir, "readoptions.dict")}; !slices.Equal(flags, want) {
		t.Errorf("flags %q, want %q", flags, want)
	}
}
