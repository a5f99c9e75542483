package table

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/wire"
)

// field is a field of Options, by its name in protobuf JSON.
type field struct {
	num  protowire.Number
	name string
}

var stringFields = []field{
	{registryRoot, "registryRoot"}, {4, "sandboxImage"}, {sandboxPlatform, "sandboxPlatform"}, {7, "bootFilesRootPath"},
	{10, "GPUVHDPath"}, {ncProxyAddr, "NCProxyAddr"}, {logLevel, "logLevel"},
}

// fields gives every field of Options alone, over its range, in both families.
func fields() []Case {
	var cases []Case
	add := func(what, want, note string, parts ...wire.Part) {
		cases = append(cases, both("field_"+what, what, want, note, flags("Range"), parts)...)
	}
	for _, f := range []field{
		{debug, "debug"}, {scaleCPULimits, "scaleCpuLimitsToSandbox"}, {14, "shareScratch"},
		{noTimezone, "noInheritHostTimezone"},
	} {
		add(kebab(f.name), fmt.Sprintf(`{%q:true}`, f.name), "", wire.Bool(f.num, true))
	}
	add("scrub-logs_true", `{"scrubLogs":true}`, "", wire.Bool(scrubLogs, true))
	add("scrub-logs_false", `{"scrubLogs":false}`, "Explicitly false, which is not unset: it turns scrubbing off.",
		wire.Bool(scrubLogs, false))
	for _, f := range stringFields {
		add(kebab(f.name), fmt.Sprintf(`{%q:"value"}`, f.name), "", wire.String(f.num, "value"))
	}
	for _, f := range []field{
		{vmProcessors, "vmProcessorCount"}, {vmMemory, "vmMemorySizeInMb"}, {12, "defaultContainerScratchSizeInGb"},
		{13, "defaultVmScratchSizeInGb"}, {17, "ioRetryTimeoutInSec"},
	} {
		for _, v := range []int64{1, -1, math.MaxInt32, math.MinInt32} {
			add(fmt.Sprintf("%s_%d", kebab(f.name), v), fmt.Sprintf(`{%q:%d}`, f.name, v), "", wire.Int(f.num, v))
		}
	}
	for _, v := range []int64{1, 2, 3, -1, math.MaxInt32} {
		add(fmt.Sprintf("debug-type_%d", v), fmt.Sprintf(`{"debugType":%d}`, v), "", wire.Int(debugType, v))
		add(fmt.Sprintf("sandbox-isolation_%d", v), fmt.Sprintf(`{"sandboxIsolation":%d}`, v), "",
			wire.Int(sandboxIsolation, v))
	}
	add("string_non-ascii", `{"logLevel":"débogage 日本語 🦊"}`, "",
		wire.String(logLevel, "débogage 日本語 🦊"))
	add("string_nul", "{\"logLevel\":\"a\\u0000b\"}", "", wire.String(logLevel, "a\x00b"))
	add("string_long", fmt.Sprintf(`{"registryRoot":%q}`, strings.Repeat("x", 1000)), "Its length takes two bytes.",
		wire.String(registryRoot, strings.Repeat("x", 1000)))
	add("annotations_one", `{"defaultContainerAnnotations":{"k":"v"}}`, "", entry("k", "v"))
	add("annotations_empty-key", `{"defaultContainerAnnotations":{"":"v"}}`, "", entry("", "v"))
	add("annotations_empty-value", `{"defaultContainerAnnotations":{"k":""}}`, "", entry("k", ""))
	add("annotations_empty-both", `{"defaultContainerAnnotations":{"":""}}`, "", entry("", ""))
	many, want := manyAnnotations(100)
	add("annotations_many", want, "", many...)
	return cases
}

func manyAnnotations(n int) (wire.Message, string) {
	var m wire.Message
	var want []string
	for i := range n {
		key, value := fmt.Sprintf("key-%03d", i), fmt.Sprintf("value-%d", i)
		m = append(m, entry(key, value))
		want = append(want, fmt.Sprintf("%q:%q", key, value))
	}
	return m, fmt.Sprintf(`{"defaultContainerAnnotations":{%s}}`, strings.Join(want, ","))
}

// quoted is a string as JSON has it.
func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // every string has a form
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
