package ossfuzz

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// max_len would switch off that libFuzzer begins with short inputs.
func TestOptions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "FuzzX.options"), []byte(read(t, "oss-fuzz/readoptions.options")),
		0o666); err != nil {
		t.Fatal(err)
	}
	flags, err := fuzzer{dir: dir, target: "FuzzX"}.options()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"-dict=" + filepath.Join(dir, "readoptions.dict")}; !slices.Equal(flags, want) {
		t.Errorf("flags %q, want %q", flags, want)
	}
}
