package table

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// fieldsOf are the fields of Options of a kind.
func fieldsOf(kind protoreflect.Kind) (list []protoreflect.FieldDescriptor) {
	all := (*options.Options)(nil).ProtoReflect().Descriptor().Fields()
	for i := range all.Len() {
		if fd := all.Get(i); fd.Kind() == kind {
			list = append(list, fd)
		}
	}
	return list
}

// fields gives every field of Options alone, over its range, in both families.
func fields() (cases []Case) {
	add := func(what, want, note string, parts ...wire.Part) {
		cases = append(cases, both("field_"+what, what, want, note, flags("Range"), parts)...)
	}
	number := func(fd protoreflect.FieldDescriptor, v int64) {
		add(fmt.Sprintf("%s_%d", kebab(fd.JSONName()), v), fmt.Sprintf(`{%q:%d}`, fd.JSONName(), v), "",
			wire.Int(fd.Number(), v))
	}
	for _, fd := range fieldsOf(protoreflect.BoolKind) {
		if fd.Number() != scrubLogs {
			add(kebab(fd.JSONName()), fmt.Sprintf(`{%q:true}`, fd.JSONName()), "", wire.Bool(fd.Number(), true))
		}
	}
	add("scrub-logs_true", `{"scrubLogs":true}`, "", wire.Bool(scrubLogs, true))
	add("scrub-logs_false", `{"scrubLogs":false}`, "Explicitly false, which is not unset: it turns scrubbing off.",
		wire.Bool(scrubLogs, false))
	for _, fd := range fieldsOf(protoreflect.StringKind) {
		add(kebab(fd.JSONName()), fmt.Sprintf(`{%q:"value"}`, fd.JSONName()), "", wire.String(fd.Number(), "value"))
	}
	for _, fd := range fieldsOf(protoreflect.Int32Kind) {
		for _, v := range []int64{1, -1, math.MaxInt32, math.MinInt32} {
			number(fd, v)
		}
	}
	for _, v := range []int64{1, 2, 3, -1, math.MaxInt32} {
		for _, fd := range fieldsOf(protoreflect.EnumKind) {
			number(fd, v)
		}
	}
	const nonASCII = "débogage 日本語 🦊"
	add("string_non-ascii", fmt.Sprintf(`{"logLevel":%q}`, nonASCII), "", wire.String(logLevel, nonASCII))
	add("string_nul", `{"logLevel":"a\u0000b"}`, "", wire.String(logLevel, "a\x00b"))
	long := strings.Repeat("x", 1000)
	add("string_long", fmt.Sprintf(`{"registryRoot":%q}`, long), "Its length takes two bytes.",
		wire.String(registryRoot, long))
	add("annotations_one", oneAnnotation("k", "v"), "", entry("k", "v"))
	add("annotations_empty-key", oneAnnotation("", "v"), "", entry("", "v"))
	add("annotations_empty-value", oneAnnotation("k", ""), "", entry("k", ""))
	add("annotations_empty-both", oneAnnotation("", ""), "", entry("", ""))
	var many wire.Message
	entries := make(map[string]string)
	for i := range 100 {
		key, value := fmt.Sprintf("key-%03d", i), fmt.Sprintf("value-%d", i)
		many, entries[key] = append(many, entry(key, value)), value
	}
	add("annotations_many", annotated(entries), "", many...)
	return cases
}

// annotated is Options with annotations as JSON, and oneAnnotation with one.
func annotated(entries map[string]string) string {
	return quoted(map[string]any{"defaultContainerAnnotations": entries})
}

func oneAnnotation(key, value string) string { return annotated(map[string]string{key: value}) }

// texts is every text of the grammar in every string of Options at once.
func texts() (cases []Case) {
	for i, text := range grammar.Texts {
		want := map[string]any{"defaultContainerAnnotations": map[string]string{text: text}}
		var m wire.Message
		for _, fd := range fieldsOf(protoreflect.StringKind) {
			m, want[fd.JSONName()] = append(m, wire.String(fd.Number(), text)), text
		}
		cases = append(cases, both(fmt.Sprintf("text_%02d", i), "", quoted(want),
			fmt.Sprintf("%q arrives as it is.", text), flags("Text"), append(m, entry(text, text)))...)
	}
	return cases
}

// quoted is a value as JSON has it.
func quoted(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // a string, or a map of strings, has a form
	}
	return string(text)
}

// kebab turns a JSON name into what a file name wants.
func kebab(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		upper := r >= 'A' && r <= 'Z'
		if upper && lower {
			b.WriteByte('-')
		}
		lower = !upper
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}
