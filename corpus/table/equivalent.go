package table

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// equivalences is the contract's table of equivalences, row by row: every case
// says "typical", or what its own class says.
func equivalences() []Case {
	return slices.Concat(urls(), orders(), varints(), repeats(), defaults(), unknowns(), ambients())
}

func typicalCase(name, note string, m wire.Message) Case {
	return arrives(name, "typical", typical, note, m, "Equivalent")
}

// equal makes two cases of one point, as both.
func equal(what, class, want, note string, value ...wire.Part) []Case {
	return both(what, class, want, note, flags("Equivalent"), value)
}

// typicalCases makes two cases that say typical.
func typicalCases(what, note string, value wire.Message) []Case {
	return equal(what, "typical", typical, note, value...)
}

func urls() (cases []Case) {
	for _, u := range []struct{ name, prefix string }{
		{"googleapis", googleapis}, {"slash", "/"}, {"slashes", "//"}, {"other", "example.com/a/b/"},
		{"non-ascii", "ü/"}, {"own-name", contract.OptionsName + "/"}, {"colon", "urn:x/"},
	} {
		url := u.prefix + contract.OptionsName
		cases = append(cases,
			typicalCase("legacy_url_"+u.name, "", legacy(url, typicalParts())),
			typicalCase("bootstrap_url_"+u.name, "", bootstrap(extension(url, typicalParts()))))
	}
	return cases
}

func orders() []Case {
	any := reversed(typicalAny())
	return append(typicalCases("order_options-reversed", "", reversed(typicalParts())),
		typicalCase("legacy_order_value-first", "", any),
		typicalCase("bootstrap_order_any-value-first", "", bootstrap(wire.Sub(8, wire.Sub(1, any...)))),
		typicalCase("bootstrap_order_reversed", "", reversed(bootstrap(typicalExtension()))),
		typicalCase("bootstrap_order_extension-first", "", slices.Insert(bootstrap(), 0, typicalExtension())),
	)
}

func reversed(m wire.Message) wire.Message {
	m = slices.Clone(m)
	slices.Reverse(m)
	return m
}

func varints() []Case {
	wide := func(m wire.Message, tag, value int) wire.Message {
		m = slices.Clone(m)
		for i, p := range m {
			m[i] = p.WideTag(tag).Wide(value)
		}
		return m
	}
	params := bootstrap(wire.Int(3, 4), typicalExtension())
	// Tags and lengths of more than five bytes may be refused.
	refusable := slices.Concat(
		typicalCases("varint_tags-wide", "", wide(typicalParts(), 10, 0)),
		typicalCases("varint_values-wide", "Values and lengths.", wide(typicalParts(), 0, 10)),
		[]Case{
			typicalCase("legacy_varint_any-wide", "", wide(typicalAny(), 10, 10)),
			typicalCase("bootstrap_varint_params-wide", "", wide(params, 10, 10)),
		})
	for i := range refusable {
		refusable[i].Or, refusable[i].Flags = []contract.Kind{contract.Malformed}, flags("Equivalent", "Free")
	}
	return slices.Concat(refusable,
		typicalCases("varint_tags-of-5-bytes", "", wide(typicalParts(), 5, 0)),
		typicalCases("varint_values-of-5-bytes", "Values and lengths.", wide(typicalParts(), 0, 5)),
		[]Case{typicalCase("bootstrap_varint_params-of-5-bytes", "", wide(params, 5, 5))},
		equal("varint_bool-2", "debug", `{"debug":true}`, "Any bool but 0 is true.", wire.Varint(debug, 2)),
		equal("varint_bool-high-bit", "debug", `{"debug":true}`, "All 64 bits count.", wire.Varint(debug, 1<<63)),
		equal("varint_int32-high-bits", "vm-processor-count_1", `{"vmProcessorCount":1}`,
			"Only the low 32 bits count.", wire.Varint(vmProcessors, 0xabcdef0100000001)),
		equal("varint_int32-negative-short", "vm-processor-count_-1", `{"vmProcessorCount":-1}`,
			"-1 in five bytes instead of ten.", wire.Varint(vmProcessors, 0xffffffff)),
		equal("varint_enum-high-bits", "sandbox-isolation_1", `{"sandboxIsolation":"HYPERVISOR"}`, "",
			wire.Varint(sandboxIsolation, 1<<40|1)),
	)
}

func repeats() []Case {
	any := typicalAny()
	first := wire.Message{wire.Bool(debug, false), wire.String(sandboxPlatform, "linux/amd64"),
		entry("team", "before"), wire.Bool(scrubLogs, false)}
	return slices.Concat(
		typicalCases("repeat_scalars", "The last one counts.", append(first, typicalParts()...)),
		equal("repeat_to-zero", "zero", `{}`, "A later zero undoes an earlier value.",
			wire.Bool(debug, true), wire.Bool(debug, false)),
		equal("repeat_entry-key", "annotations_one", oneAnnotation("k", "v"), "",
			wire.Sub(annotations, wire.String(1, "x"), wire.String(2, "y"), wire.String(1, "k"), wire.String(2, "v"))),
		[]Case{
			typicalCase("legacy_repeat_value", "", slices.Insert(any, 0, wire.String(2, "overwritten"))),
			typicalCase("legacy_repeat_type-url", "", slices.Insert(any, 0, wire.String(1, "google.protobuf.Empty"))),
			typicalCase("bootstrap_repeat_identity", "",
				append(identified("other", "other"), bootstrap(typicalExtension())...)),
			typicalCase("bootstrap_repeat_any-in-pieces", "Type URL and value in two pieces of one Any.",
				bootstrap(wire.Sub(8, wire.Sub(1, any[0]), wire.Sub(1, any[1])))),
			typicalCase("bootstrap_repeat_any-overwritten", "",
				bootstrap(wire.Sub(8, wire.Sub(1, wire.String(1, "x"), wire.String(2, "y")), wire.Sub(1, any...)))),
		},
	)
}

func defaults() []Case {
	var zeros wire.Message
	for _, num := range []protowire.Number{debug, debugType, sandboxIsolation, vmProcessors, vmMemory, scaleCPULimits,
		noTimezone} {
		zeros = append(zeros, wire.Varint(num, 0))
	}
	for _, num := range []protowire.Number{registryRoot, sandboxPlatform, ncProxyAddr, logLevel} {
		zeros = append(zeros, wire.String(num, ""))
	}
	return slices.Concat(
		equal("default_explicit-zeros", "zero", `{}`, "", zeros...),
		equal("default_entry-without-key", "annotations_empty-key", oneAnnotation("", "v"), "",
			wire.Sub(annotations, wire.String(2, "v"))),
		equal("default_entry-without-value", "annotations_empty-value", oneAnnotation("k", ""), "",
			wire.Sub(annotations, wire.String(1, "k"))),
		equal("default_entry-empty", "annotations_empty-both", oneAnnotation("", ""), "", wire.Sub(annotations)),
		[]Case{typicalCase("bootstrap_default_log-level-zero", "", bootstrap(wire.Int(3, 0), typicalExtension()))},
	)
}

func unknowns() (cases []Case) {
	for _, u := range []struct {
		name string
		part func(num protowire.Number) wire.Part
	}{
		{"varint", func(n protowire.Number) wire.Part { return wire.Varint(n, 1<<63) }},
		{"fixed32", func(n protowire.Number) wire.Part { return wire.Fixed32(n, 1) }},
		{"fixed64", func(n protowire.Number) wire.Part { return wire.Fixed64(n, 1) }},
		{"bytes", func(n protowire.Number) wire.Part { return wire.Bytes(n, []byte{0xff, 0}) }},
		{"group", func(n protowire.Number) wire.Part { return wire.Group(n, wire.Group(1, wire.Varint(3, 4))) }},
		{"group-empty", func(n protowire.Number) wire.Part { return wire.Group(n) }},
	} {
		around := func(num protowire.Number, m ...wire.Part) wire.Message {
			return slices.Concat(wire.Message{u.part(num)}, m, wire.Message{u.part(num)})
		}
		cases = slices.Concat(cases,
			typicalCases("unknown_options-"+u.name, "", around(1000, typicalParts()...)),
			equal("unknown_entry-"+u.name, "annotations_one", oneAnnotation("k", "v"), "",
				wire.Sub(annotations, around(3, wire.String(1, "k"), wire.String(2, "v"))...)),
			[]Case{
				typicalCase("legacy_unknown_any-"+u.name, "", around(10, typicalAny()...)),
				typicalCase("bootstrap_unknown_params-"+u.name, "", around(10, bootstrap(typicalExtension())...)),
				typicalCase("bootstrap_unknown_extension-"+u.name, "",
					bootstrap(wire.Sub(8, around(2, wire.Sub(1, typicalAny()...))...))),
				typicalCase("bootstrap_unknown_any-"+u.name, "",
					bootstrap(wire.Sub(8, wire.Sub(1, around(3, typicalAny()...)...)))),
			})
	}
	wrong := append(typicalParts(), wire.Bytes(debug, []byte{1}), wire.Varint(sandboxPlatform, 7),
		wire.Fixed32(vmMemory, 7), wire.Varint(annotations, 1))
	cases = append(cases, typicalCases("unknown_options-wrong-wire-type",
		"A known number with another wire type is an unknown field.", wrong)...)
	return append(cases,
		typicalCase("legacy_unknown_bootstrap-numbers",
			"Fields 3 to 9 with a wire type that BootstrapParams does not give them are no sign of it.",
			append(typicalAny(), wire.Bytes(3, []byte{1}), wire.Varint(4, 1), wire.Varint(8, 1), wire.Fixed32(9, 1))),
		typicalCase("legacy_unknown_max-number", "", append(typicalAny(), wire.Varint(protowire.MaxValidNumber, 1))),
	)
}

func ambients() []Case {
	ours := typicalExtension()
	return []Case{
		typicalCase("bootstrap_ambient_shortest", "", identified("0", "0", ours)),
		typicalCase("bootstrap_ambient_longest", "", identified(longest, longest, ours)),
		typicalCase("bootstrap_ambient_non-ascii-paths", "",
			bootstrap(ours, wire.String(7, `C:\Prögramme\containerd.exe`), wire.String(9, "/tmp/ü"))),
		typicalCase("bootstrap_ambient_empty-strings", "",
			wire.Message{wire.String(1, ""), wire.String(2, ""), wire.String(4, ""), wire.String(5, ""), ours}),
	}
}
