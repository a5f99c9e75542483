package ossfuzz

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

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

// build.sh, package libfuzzer and docs/fuzzing.md have the targets of the one list.
func TestOneListOfTargets(t *testing.T) {
	shell := regexp.MustCompile(`(?m)^targets='(.*)'$`).FindStringSubmatch(read(t, "oss-fuzz/build.sh"))
	if shell == nil || !slices.Equal(strings.Fields(shell[1]), targets.Names()) {
		t.Errorf("build.sh builds %q, the list has %q", shell, targets.Names())
	}
	var functions []string
	for _, m := range regexp.MustCompile(`(?m)^func (Fuzz\w+)\(data \[\]byte\) int {`).FindAllStringSubmatch(read(t,
		"fuzz/libfuzzer/libfuzzer.go"), -1) {
		functions = append(functions, m[1])
	}
	if !slices.Equal(functions, targets.Names()) {
		t.Errorf("package libfuzzer has %q, the list %q", functions, targets.Names())
	}
	page := read(t, "docs/fuzzing.md")
	for _, name := range targets.Names() {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/fuzzing.md does not name %s", name)
		}
	}
}

// max_len would switch off that libFuzzer begins with short inputs.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "FuzzX.options"), []byte(read(t, "oss-fuzz/readoptions.options")),
		0o666); err != nil {
		t.Fatal(err)
	}
	flags, err := Fuzzer{Dir: dir, Target: "FuzzX"}.options()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"-dict=" + filepath.Join(dir, "readoptions.dict")}; !slices.Equal(flags, want) {
		t.Errorf("flags %q, want %q", flags, want)
	}
}
