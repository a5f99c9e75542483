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
	none := release{"google.golang.org/protobuf", "v1.36.12", "v0.0.0-none"}.differs(t.Context(), pinned)
	if !strings.Contains(none, "v0.0.0-none") {
		t.Errorf("a release that is not there: %s", none)
	}
	same := release{hcsshim, pinned.Source.Version, pinned.Source.Version}
	if text := same.differs(t.Context(), pinned); text != "" {
		t.Errorf("the pinned release differs from itself: %s", text)
	}
	older := release{hcsshim, pinned.Source.Version, "v0.14.1"}
	text := older.differs(t.Context(), pinned)
	if !strings.Contains(text, "readOptions is another") || !strings.Contains(text, "\n-\tvar params bootapi") {
		t.Errorf("v0.14.1 has the same readOptions: %s", text)
	}
}
