package examples

import (
	"os"
	"path/filepath"
	"testing"

	"shimfuzz/lab/conformance/optionstype"
)

// The descriptor set has all that its Options need, and a right one is left alone.
func TestWriteDescriptors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, Descriptors)
	var written [2]os.FileInfo
	for i := range written {
		if _, err := WriteDescriptors(dir); err != nil {
			t.Fatal(err)
		}
		var err error
		if written[i], err = os.Stat(file); err != nil {
			t.Fatal(err)
		}
	}
	if !os.SameFile(written[0], written[1]) {
		t.Error("the right file is written again")
	}
	for _, name := range optionstype.Linked() {
		if _, err := optionstype.Find(file + ":" + name); err != nil {
			t.Error(err)
		}
	}
}
