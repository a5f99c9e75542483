package programs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/gocmd"
)

const releaseGoMod = `module example.com/release

go 1.21

toolchain go1.22.1

require (
	example.com/direct v1.2.3
	example.com/indirect v0.1.0 // indirect
)

exclude example.com/direct v1.2.2

replace example.com/direct => example.com/fork v1.2.4

replace example.com/indirect => ./indirect
`

// release writes a release to a temporary folder. The version "" is a checkout.
func release(t *testing.T, version string) *gocmd.Module {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "go.mod")
	for name, text := range map[string]string{file: releaseGoMod, filepath.Join(dir, "go.sum"): "sums\n"} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return &gocmd.Module{Path: "example.com/release", Version: version, Dir: dir, GoMod: file}
}

// written is the go.mod of a module that links a release.
func written(t *testing.T, release *gocmd.Module) (dir string, mod *modfile.File) {
	t.Helper()
	m := Module{Path: "reader", Release: release, Files: map[string][]byte{"a/main.go": []byte("package main\n")}}
	dir = t.TempDir()
	if err := m.write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if mod, err = modfile.Parse("go.mod", text, nil); err != nil {
		t.Fatal(err)
	}
	return dir, mod
}

func requires(mod *modfile.File) (list []string) {
	for _, r := range mod.Require {
		list = append(list, r.Mod.String())
	}
	slices.Sort(list)
	return list
}

func replaces(mod *modfile.File) (list []string) {
	for _, r := range mod.Replace {
		list = append(list, strings.TrimSpace(r.Old.Path+" => "+r.New.Path+" "+r.New.Version))
	}
	slices.Sort(list)
	return list
}

// The module requires the release and all that the release requires, so that the
// same versions are selected; a relative replacement is that of the release's folder.
func TestWrite(t *testing.T) {
	r := release(t, "v1.0.0")
	dir, mod := written(t, r)
	if mod.Module.Mod.Path != "reader" || mod.Go.Version != "1.21" || mod.Toolchain != nil {
		t.Errorf("module %s, go %s, toolchain %v; want reader, 1.21, none", mod.Module.Mod.Path, mod.Go.Version,
			mod.Toolchain)
	}
	if got, want := requires(mod), []string{"example.com/direct@v1.2.3", "example.com/indirect@v0.1.0",
		"example.com/release@v1.0.0"}; !slices.Equal(got, want) {
		t.Errorf("requires %v, want %v", got, want)
	}
	if got, want := replaces(mod), []string{"example.com/direct => example.com/fork v1.2.4",
		"example.com/indirect => " + filepath.Join(r.Dir, "indirect")}; !slices.Equal(got, want) {
		t.Errorf("replaces %v, want %v", got, want)
	}
	if len(mod.Exclude) != 1 {
		t.Errorf("excludes %d versions, want 1", len(mod.Exclude))
	}
	for name, want := range map[string]string{"go.sum": "sums\n", "a/main.go": "package main\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

// A checkout is linked from its folder.
func TestWriteCheckout(t *testing.T) {
	r := release(t, "")
	_, mod := written(t, r)
	if got := requires(mod); !slices.Contains(got, "example.com/release@v0.0.0") {
		t.Errorf("requires %v, want example.com/release@v0.0.0 among them", got)
	}
	if got := replaces(mod); !slices.Contains(got, "example.com/release => "+r.Dir) {
		t.Errorf("replaces %v, want the release's folder among them", got)
	}
}

// A release without a go.sum is written with an empty one; without a go.mod it is an
// error.
func TestWriteIncomplete(t *testing.T) {
	r := release(t, "v1.0.0")
	if err := os.Remove(filepath.Join(r.Dir, "go.sum")); err != nil {
		t.Fatal(err)
	}
	dir, _ := written(t, r)
	if sums, err := os.ReadFile(filepath.Join(dir, "go.sum")); err != nil || len(sums) > 0 {
		t.Errorf("go.sum: %q, %v; want it empty", sums, err)
	}
	if err := os.Remove(r.GoMod); err != nil {
		t.Fatal(err)
	}
	if err := (&Module{Path: "reader", Release: r, Files: map[string][]byte{}}).write(t.TempDir()); err == nil {
		t.Error("a release without a go.mod is not an error")
	}
}

// A program's files are added without the line that keeps the suite from building them.
func TestAdd(t *testing.T) {
	source := fstest.MapFS{
		"p/main.go": {Data: []byte("//go:build ignore\n\n// Command p.\npackage main\n")},
		"p/lib.go":  {Data: []byte("package p\n")},
	}
	var m Module
	if err := m.Add("to", source, "p", "main.go", "lib.go"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"to/main.go": "// Command p.\npackage main\n",
		"to/lib.go": "package p\n"} {
		if got := string(m.Files[name]); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if err := m.Add("to", source, "p", "missing.go"); err == nil {
		t.Error("a missing file is not an error")
	}
}
