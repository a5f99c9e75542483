package conformance

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const indexSchema, reportSchema = "../../corpus/index.schema.json", "report.schema.json"

// decoded is JSON, and the schema that it must be of.
func decoded(t *testing.T, text []byte, schema string) (v any, s *jsonschema.Schema) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(schema)
	if err := errors.Join(err, json.Unmarshal(text, &v)); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", schema, err)
	}
	return v, s
}

// The index of the corpus is what its schema says. (That report.json is, readReport says.) In both no key can
// be misspelled, which is one that is missing and one that is not known.
func TestSchemas(t *testing.T) {
	text, err := os.ReadFile("../../corpus/index.json")
	if err != nil {
		t.Fatal(err)
	}
	index, schema := decoded(t, text, indexSchema)
	top := index.(map[string]any)
	seen := make(map[string]bool)
	top["cases"] = slices.DeleteFunc(top["cases"].([]any), func(c any) bool { // but for those with a key of their own
		before := len(seen)
		misspell(c, func(key string) { seen[key] = true })
		return len(seen) == before
	})
	misspell(index, refused(t, index, schema))

	text, _ = json.Marshal(Report{Format: 2, Settings: &Settings{Reader: "r", Options: "o", Level: Required},
		Levels: []*Counts{{Level: Required}}, Excused: map[string]int{"f": 1}, Problems: []string{"p"},
		Causes:   []*Cause{{Name: "c", Tests: []string{"t"}, Report: "r"}},
		Failures: []*Test{{Name: "t", Answer: "a", Payloads: 1, File: "f", Replay: "r"}}})
	report, schema := decoded(t, text, reportSchema)
	misspell(report, refused(t, report, schema))
}

// refused reports a misspelled key that a schema takes.
func refused(t *testing.T, v any, s *jsonschema.Schema) func(key string) {
	return func(key string) {
		if s.Validate(v) == nil {
			t.Errorf("%s takes a misspelled %q", s.Location, key)
		}
	}
}

// misspell calls check with each key of objects in v, while it is misspelled; but for keys that are names.
func misspell(v any, check func(key string)) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			misspell(item, check)
		}
	case map[string]any:
		for key, value := range maps.Clone(v) {
			delete(v, key)
			v[key+"s"] = value
			check(key)
			delete(v, key+"s")
			v[key] = value
			if key != "flags" && key != "excused" && key != "defaultContainerAnnotations" {
				misspell(value, check)
			}
		}
	}
}
