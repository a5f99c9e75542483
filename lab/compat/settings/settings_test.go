package settings

import (
	"testing"

	"shimfuzz/lab/compat/recorded"
)

// There are settings for which every containerd reports an error, and the settings'
// names are different.
func TestSettings(t *testing.T) {
	means := make(map[string]string)
	for _, s := range All() {
		if _, listed := means[s.Name]; listed {
			t.Errorf("two settings are called %s", s.Name)
		}
		if opts := s.Options(); (opts == nil) != (s.Means == "") {
			t.Errorf("%s means %v, want %s", s.Name, opts, s.Means)
		}
		means[s.Name] = s.Means
	}
	for _, p := range recorded.Passages() {
		m, listed := means[p.Setting]
		if p.Setting != "" && !listed {
			t.Errorf("no setting is called %s", p.Setting)
		}
		if p.Error != "" && m != "" {
			t.Errorf("%v %s: %s", p.Containerd, p.Setting, p.Error)
		}
	}
}
