package table

import (
	"encoding/json"
	"slices"
	"testing"

	"shimfuzz/internal/contract"
)

// The names of the table's cases differ, their flags are explained, the answer options
// has options, and the cases of a class have the same ones.
func TestTable(t *testing.T) {
	var index struct{ Cases []Case }
	if err := json.Unmarshal(Files()["corpus/"+IndexFile], &index); err != nil {
		t.Fatal(err)
	}
	names, classes := make(map[string]bool), make(map[string]string)
	for _, c := range index.Cases {
		if names[c.Name] {
			t.Errorf("two cases are named %s", c.Name)
		}
		names[c.Name] = true
		for _, f := range c.Flags {
			if _, ok := flags[f]; !ok {
				t.Errorf("%s: flag %s is not explained", c.Name, f)
			}
		}
		if slices.Contains(append(c.Or, c.Outcome), contract.Options) != (c.Options != nil) {
			t.Errorf("%s: outcome %s or %v with options %s", c.Name, c.Outcome, c.Or, c.Options)
		}
		if said, ok := classes[c.Class]; ok && c.Class != "" && said != string(c.Options) {
			t.Errorf("%s does not say what the others of class %s say", c.Name, c.Class)
		}
		classes[c.Class] = string(c.Options)
	}
}
