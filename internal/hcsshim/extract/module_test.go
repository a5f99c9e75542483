package extract

import (
	"os"
	"path/filepath"
	"testing"
)

// The tree tests hcsshim with the decoding modules that hcsshim's own go.mod
// asks for: what the suite adds must not raise them.
func TestTreeBuildsWithHcsshimsModules(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	source, err := Locate(root, "")
	if err != nil {
		t.Fatal(err)
	}
	own, err := readModule(root)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := readModule(source.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"google.golang.org/protobuf", "github.com/containerd/typeurl/v2", apiModule} {
		if is, want := requirement(own, module), requirement(theirs, module); is != want {
			t.Errorf("%s: the tree requires %s, hcsshim %s requires %s", module, is, source.Name, want)
		}
	}
}

func TestLocateErrors(t *testing.T) {
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module example.com/other\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		filepath.Join(other, "nowhere"): "neither a version",
		other:                           "not a checkout of hcsshim",
	} {
		_, err := Locate(other, spec)
		oneLine(t, err, want)
	}
}

func TestKey(t *testing.T) {
	for want, source := range map[string]Source{
		"v0.14.1":                     {Name: "v0.14.1", Version: "v0.14.1", Dir: "/m/hcsshim@v0.14.1"},
		"checkout-home-me-my-hcsshim": {Name: "../hcsshim", Dir: "/home/me/my hcsshim"},
	} {
		if got := source.Key(); got != want {
			t.Errorf("%s: key %q, want %q", source.Name, got, want)
		}
	}
}
