package upstream

import (
	"path/filepath"
	"strings"
	"testing"

	"shimfuzz/internal/hcsshim/extract"
)

// An older release instead of the pinned one has another readOptions, and the tests that run
// on it fail with the findings that are known of the pinned one.
func TestDiffers(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: a comparison of two releases, for it takes a minute")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := extract.Prepare(root, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ path, version, shows string }{
		{protobuf, "v0.0.0-none", "v0.0.0-none"}, // is not there
		{hcsshim, pinned.Source.Version, ""},
		{hcsshim, "v0.14.1", "\n-\tvar params bootapi"},
	} {
		text := differs(t.Context(), pinned, row.path, row.version)
		if !strings.Contains(text, row.shows) || row.shows == "" && text != "" {
			t.Errorf("%s %s shows %q, want %q", row.path, row.version, text, row.shows)
		}
	}
}
