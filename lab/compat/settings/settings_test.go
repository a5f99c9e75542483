package settings

import (
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/corpus/table"
)

// There are settings for which every containerd reports an error, and the settings'
// names are different.
func TestSettings(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range All() {
		if seen[s.Name] {
			t.Errorf("two settings are called %s", s.Name)
		}
		seen[s.Name] = true
		if s.Means != "" {
			if err := protojson.Unmarshal([]byte(s.Means), new(options.Options)); err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
	}
	for _, p := range table.Passages() {
		if p.Setting != "" && p.Error != "" && Named(p.Setting).Means != "" {
			t.Errorf("%v %s: %s", p.Containerd, p.Setting, p.Error)
		}
	}
}
