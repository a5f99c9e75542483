package shims

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
)

// The stand-in for the policy module is a module that compiles.
func TestStandIn(t *testing.T) {
	dir := t.TempDir()
	if err := writeStandIn(dir); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "vet", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRequired(t *testing.T) {
	mod, err := modfile.Parse("go.mod", []byte("module m\n\nrequire "+policyModule+" v1.7.0\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := required(mod, policyModule); got != "v1.7.0" {
		t.Errorf("%q is required, want v1.7.0", got)
	}
	if got := required(mod, "example.com/other"); got != "" {
		t.Errorf("version %q of a module that is not required", got)
	}
}

// An lcow-v2 is built only if it reads its standard input.
func TestReadsBootstrap(t *testing.T) {
	for text, want := range map[string]bool{
		"import bootapi \"github.com/containerd/containerd/api/runtime/bootstrap/v1\"": true,
		"import \"os\"": false,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if got := readsBootstrap(dir); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if readsBootstrap(t.TempDir()) {
		t.Error("an lcow-v2 that does not exist reads its standard input")
	}
}
