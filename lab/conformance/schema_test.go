package conformance

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const reportSchema = "report.schema.json"

// holds reports why JSON is not what a schema allows.
func holds(t *testing.T, schema string, text []byte) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(schema)
	var v any
	if err := errors.Join(err, json.Unmarshal(text, &v)); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", schema, err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The index of the corpus is what its schema says; that report.json is, readReport sees. Both schemas know
// every key, and that of the report wants every key.
func TestSchemas(t *testing.T) {
	const indexSchema = "../../corpus/index.schema.json"
	holds(t, indexSchema, read(t, "../../corpus/index.json"))
	for _, schema := range []string{indexSchema, reportSchema} {
		var v any
		if err := json.Unmarshal(read(t, schema), &v); err != nil {
			t.Fatal(err)
		}
		isClosed(t, schema, v)
	}
}

// isClosed reports objects of a schema that may have keys that it does not name, or need not have one.
func isClosed(t *testing.T, at string, v any) {
	o, _ := v.(map[string]any)
	for key, inner := range o {
		isClosed(t, at+"/"+key, inner)
	}
	keys, isObject := o["properties"].(map[string]any)
	required, _ := o["required"].([]any)
	if isObject && o["type"] == "object" && (o["additionalProperties"] != false ||
		strings.HasPrefix(at, reportSchema) && len(required) != len(keys)) {
		t.Errorf("%s: may have or lack a key", at)
	}
}
