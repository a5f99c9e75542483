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

func urls() []Case {
	var cases []Case
	for _, u := range []struct{ name, prefix string }{
		{"googleapis", googleapis}, {"slash", "/"}, {"slashes", "//"}, {"other", "example.com/a/b/"},
		{"non-ascii", "ü/"},
		{"own-name", contract.OptionsName + "/"}, {"colon", "urn:x/"},
	} {
		cases = append(cases,
			typicalCase("legacy_url_"+u.name, "", legacy(u.prefix+contract.OptionsName, typicalParts())),
			typicalCase("bootstrap_url_"+u.name, "",
				bootstrap(extension(u.prefix+contract.OptionsName, typicalParts()))))
	}
	return cases
}

func orders() []Case {
	reversed := reverse(typicalParts())
	any := wire.Message{wire.Sub(2, typicalParts()...), wire.String(1, contract.OptionsName)}
	return append(both("order_options-reversed", "typical", typical, "", flags("Equivalent"), reversed),
		typicalCase("legacy_order_value-first", "", any),
		typicalCase("bootstrap_order_any-value-first", "", bootstrap(wire.Sub(8, wire.Sub(1, any...)))),
		typicalCase("bootstrap_order_reversed", "",
			reverse(bootstrap(extension(contract.OptionsName, typicalParts())))),
		typicalCase("bootstrap_order_extension-first", "",
			slices.Concat(wire.Message{extension(contract.OptionsName, typicalParts())}, bootstrap())),
	)
}

func reverse(m wire.Message) wire.Message {
	out := slices.Clone(m)
	slices.Reverse(out)
	return out
}

func varints() []Case {
	wide := func(m wire.Message, change func(wire.Part) wire.Part) wire.Message {
		out := slices.Clone(m)
		for i := range out {
			out[i] = change(out[i])
		}
		return out
	}
	tags := func(n int) func(wire.Part) wire.Part { return func(p wire.Part) wire.Part { return p.WideTag(n) } }
	values := func(n int) func(wire.Part) wire.Part { return func(p wire.Part) wire.Part { return p.Wide(n) } }
	all := func(p wire.Part) wire.Part { return tags(10)(values(10)(p)) }
	e := flags("Equivalent")
	// Tags and lengths of more than five bytes may be refused.
	refusable := slices.Concat(
		both("varint_tags-wide", "typical", typical, "", e, wide(typicalParts(), tags(10))),
		both("varint_values-wide", "typical", typical, "Values and lengths.", e, wide(typicalParts(), values(10))),
		[]Case{
			typicalCase("legacy_varint_any-wide", "", wide(legacy(contract.OptionsName, typicalParts()), all)),
			typicalCase("bootstrap_varint_params-wide", "",
				wide(bootstrap(wire.Int(3, 4), extension(contract.OptionsName, typicalParts())), all)),
		})
	for i := range refusable {
		refusable[i].Or, refusable[i].Flags = []contract.Kind{contract.Malformed}, flags("Equivalent", "Free")
	}
	return slices.Concat(refusable,
		both("varint_tags-of-5-bytes", "typical", typical, "", e, wide(typicalParts(), tags(5))),
		both("varint_values-of-5-bytes", "typical", typical, "Values and lengths.", e, wide(typicalParts(), values(5))),
		[]Case{typicalCase("bootstrap_varint_params-of-5-bytes", "",
			wide(bootstrap(wire.Int(3, 4), extension(contract.OptionsName, typicalParts())),
				func(p wire.Part) wire.Part { return tags(5)(values(5)(p)) }))},
		both("varint_bool-2", "debug", `{"debug":true}`, "Any bool but 0 is true.", e,
			wire.Message{wire.Varint(debug, 2)}),
		both("varint_bool-high-bit", "debug", `{"debug":true}`, "All 64 bits count.", e,
			wire.Message{wire.Varint(debug, 1<<63)}),
		both("varint_int32-high-bits", "vm-processor-count_1", `{"vmProcessorCount":1}`, "Only the low 32 bits count.",
			e,
			wire.Message{wire.Varint(vmProcessors, 0xabcdef0100000001)}),
		both("varint_int32-negative-short", "vm-processor-count_-1", `{"vmProcessorCount":-1}`,
			"-1 in five bytes instead of ten.", e,
			wire.Message{wire.Varint(vmProcessors, 0xffffffff)}),
		both("varint_enum-high-bits", "sandbox-isolation_1", `{"sandboxIsolation":"HYPERVISOR"}`, "", e,
			wire.Message{wire.Varint(sandboxIsolation, 1<<40|1)}),
	)
}

func repeats() []Case {
	e := flags("Equivalent")
	any := legacy(contract.OptionsName, typicalParts())
	overwritten := append(wire.Message{wire.Bool(debug, false), wire.String(sandboxPlatform, "linux/amd64"),
		entry("team", "before"), wire.Bool(scrubLogs, false)}, typicalParts()...)
	return slices.Concat(
		both("repeat_scalars", "typical", typical, "The last one counts.", e, overwritten),
		both("repeat_to-zero", "zero", `{}`, "A later zero undoes an earlier value.", e,
			wire.Message{wire.Bool(debug, true), wire.Bool(debug, false)}),
		both("repeat_entry-key", "annotations_one", `{"defaultContainerAnnotations":{"k":"v"}}`, "", e,
			wire.Message{wire.Sub(annotations, wire.String(1, "x"), wire.String(2, "y"), wire.String(1, "k"),
				wire.String(2, "v"))}),
		[]Case{
			typicalCase("legacy_repeat_value", "", slices.Concat(wire.Message{wire.String(2, "overwritten")}, any)),
			typicalCase("legacy_repeat_type-url", "",
				slices.Concat(wire.Message{wire.String(1, "google.protobuf.Empty")}, any)),
			typicalCase("bootstrap_repeat_identity", "", slices.Concat(identified("other", "other"),
				bootstrap(extension(contract.OptionsName, typicalParts())))),
			typicalCase("bootstrap_repeat_any-in-pieces", "Type URL and value in two pieces of one Any.",
				bootstrap(wire.Sub(8, wire.Sub(1, any[0]), wire.Sub(1, any[1])))),
			typicalCase("bootstrap_repeat_any-overwritten", "",
				bootstrap(wire.Sub(8, wire.Sub(1, wire.String(1, "x"), wire.String(2, "y")), wire.Sub(1, any...)))),
		},
	)
}

func defaults() []Case {
	e := flags("Equivalent")
	var zeros wire.Message
	for _, num := range []protowire.Number{debug, debugType, sandboxIsolation, vmProcessors, vmMemory, scaleCPULimits,
		noTimezone} {
		zeros = append(zeros, wire.Varint(num, 0))
	}
	for _, num := range []protowire.Number{registryRoot, sandboxPlatform, ncProxyAddr, logLevel} {
		zeros = append(zeros, wire.String(num, ""))
	}
	return slices.Concat(
		both("default_explicit-zeros", "zero", `{}`, "", e, zeros),
		both("default_entry-without-key", "annotations_empty-key", `{"defaultContainerAnnotations":{"":"v"}}`, "", e,
			wire.Message{wire.Sub(annotations, wire.String(2, "v"))}),
		both("default_entry-without-value", "annotations_empty-value", `{"defaultContainerAnnotations":{"k":""}}`, "",
			e, wire.Message{wire.Sub(annotations, wire.String(1, "k"))}),
		both("default_entry-empty", "annotations_empty-both", `{"defaultContainerAnnotations":{"":""}}`, "", e,
			wire.Message{wire.Sub(annotations)}),
		[]Case{typicalCase("bootstrap_default_log-level-zero", "", bootstrap(wire.Int(3, 0),
			extension(contract.OptionsName, typicalParts())))},
	)
}

func unknowns() []Case {
	var cases []Case
	e := flags("Equivalent")
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
		add := func(p wire.Part, m wire.Message) wire.Message {
			return slices.Concat(wire.Message{p}, m, wire.Message{p})
		}
		any := add(u.part(3), legacy(contract.OptionsName, typicalParts()))
		ours := extension(contract.OptionsName, typicalParts())
		cases = append(cases, both("unknown_options-"+u.name, "typical", typical, "", e,
			add(u.part(1000), typicalParts()))...)
		cases = append(cases, both("unknown_entry-"+u.name, "annotations_one",
			`{"defaultContainerAnnotations":{"k":"v"}}`, "", e,
			wire.Message{wire.Sub(annotations, add(u.part(3),
				wire.Message{wire.String(1, "k"), wire.String(2, "v")})...)})...)
		cases = append(cases,
			typicalCase("legacy_unknown_any-"+u.name, "", add(u.part(10),
				legacy(contract.OptionsName, typicalParts()))),
			typicalCase("bootstrap_unknown_params-"+u.name, "", add(u.part(10), bootstrap(ours))),
			typicalCase("bootstrap_unknown_extension-"+u.name, "",
				bootstrap(wire.Sub(8, add(u.part(2),
					wire.Message{wire.Sub(1, legacy(contract.OptionsName, typicalParts())...)})...))),
			typicalCase("bootstrap_unknown_any-"+u.name, "", bootstrap(wire.Sub(8, wire.Sub(1, any...)))),
		)
	}
	wrong := []wire.Part{wire.Bytes(debug, []byte{1}), wire.Varint(sandboxPlatform, 7), wire.Fixed32(vmMemory, 7),
		wire.Varint(annotations, 1)}
	cases = append(cases, both("unknown_options-wrong-wire-type", "typical", typical,
		"A known number with another wire type is an unknown field.", e,
		slices.Concat(typicalParts(), wrong))...)
	return append(cases,
		typicalCase("legacy_unknown_bootstrap-numbers",
			"Fields 3 to 9 with a wire type that BootstrapParams does not give them are no sign of it.",
			slices.Concat(legacy(contract.OptionsName, typicalParts()), wire.Message{wire.Bytes(3, []byte{1}),
				wire.Varint(4, 1), wire.Varint(8, 1), wire.Fixed32(9, 1)})),
		typicalCase("legacy_unknown_max-number", "", append(legacy(contract.OptionsName, typicalParts()),
			wire.Varint(protowire.MaxValidNumber, 1))),
	)
}

func ambients() []Case {
	ours := extension(contract.OptionsName, typicalParts())
	return []Case{
		typicalCase("bootstrap_ambient_shortest", "", identified("0", "0", ours)),
		typicalCase("bootstrap_ambient_longest", "", identified(longest, longest, ours)),
		typicalCase("bootstrap_ambient_non-ascii-paths", "", bootstrap(ours,
			wire.String(7, `C:\Prögramme\containerd.exe`), wire.String(9, "/tmp/ü"))),
		typicalCase("bootstrap_ambient_empty-strings", "", wire.Message{wire.String(1, ""), wire.String(2, ""),
			wire.String(4, ""), wire.String(5, ""), ours}),
	}
}
