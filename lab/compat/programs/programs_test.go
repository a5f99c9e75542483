package programs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shimfuzz/internal/gocmd"
)

// The module requires the release and all that the release requires, so that the same
// versions are selected; a relative replacement is that of the release's folder, and so is
// the release if it is a checkout. A release may have no go.sum, but has a go.mod.
func TestWrite(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	r := &gocmd.Module{Path: "example.com/release", Dir: dir, GoMod: filepath.Join(dir, "go.mod")}
	m := Module{Path: "reader", Release: r, Files: map[string][]byte{"a/main.go": []byte("package main\n")}}
	if err := m.write(to); err == nil {
		t.Error("a release without a go.mod is not an error")
	}
	if err := os.WriteFile(r.GoMod, []byte(`module example.com/release

go 1.21

toolchain go1.22.1

require (
	example.com/direct v1.2.3
	example.com/indirect v0.1.0 // indirect
)

exclude example.com/direct v1.2.2

replace example.com/direct => example.com/fork v1.2.4

replace example.com/indirect => ./indirect
`), 0o666); err != nil {
		t.Fatal(err)
	}
	check := func(name, want string) {
		t.Helper()
		got, err := os.ReadFile(filepath.Join(to, name))
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	want := `module reader

go 1.21

require (
	example.com/direct v1.2.3
	example.com/indirect v0.1.0 // indirect
	example.com/release v1.0.0
)

exclude example.com/direct v1.2.2

replace example.com/direct => example.com/fork v1.2.4

replace example.com/indirect => ` + filepath.Join(dir, "indirect") + "\n"
	checkout := strings.Replace(want, "release v1.0.0", "release v0.0.0", 1) +
		"\nreplace example.com/release => " + dir + "\n"
	for version, want := range map[string]string{"v1.0.0": want, "": checkout} {
		r.Version = version
		if err := m.write(to); err != nil {
			t.Fatal(err)
		}
		check("go.mod", want)
	}
	check("a/main.go", "package main\n")
	check("go.sum", "")
}
