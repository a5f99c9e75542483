package table

import (
	"slices"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// neighbours is extensions of other types, with ours and alone.
func neighbours() []Case {
	ours := typicalExtension()
	runc := extension(googleapis+"containerd.runc.v1.Options", wire.Message{wire.String(2, "cgroup")})
	other := extension(contract.OptionsName, wire.Message{wire.String(logLevel, "second")})
	neighbour := func(name, note string, exts ...wire.Part) Case {
		return arrives("bootstrap_neighbour_"+name, "typical", typical, note, bootstrap(exts...), "Neighbour")
	}
	ignored := func(name, note string, exts ...wire.Part) Case {
		return answered("bootstrap_neighbour_"+name, contract.None, note, bootstrap(exts...), "Neighbour")
	}
	cases := []Case{
		neighbour("before", "", runc, ours),
		neighbour("after", "", ours, runc),
		neighbour("unregistered-before", "", extension("nri.v1.PluginConfig", wire.Message{wire.String(1, "x")}), ours),
		neighbour("damaged-before", "What another reader's extension holds is its own affair.",
			wire.Sub(8, wire.Sub(1, wire.String(1, "containerd.runc.v1.Options"), wire.Bytes(2, []byte{0xff}))), ours),
		neighbour("without-value-before", "", wire.Sub(8), ours),
		neighbour("empty-any-before", "", wire.Sub(8, wire.Sub(1)), ours),
		neighbour("without-type-before", "", wire.Sub(8, wire.Sub(1, wire.Sub(2, typicalParts()...))), ours),
		neighbour("second-options", "The first one decides.", ours, other),
		neighbour("second-options-damaged", "The first one decides, whatever the second holds.", ours,
			damagedExtension()),
		neighbour("zero-options-second", "", ours, extension(contract.OptionsName, nil)),
		ignored("only-runc", "", runc),
		answered("bootstrap_neighbour_only-runtimeoptions", contract.None,
			"CRI sends it for every runtime type but io.containerd.runhcs.v1.",
			bootstrap(extension("runtimeoptions.v1.Options", wire.Message{wire.String(2, `C:\shim.toml`)})),
			"Neighbour", "Sender"),
		neighbour("twenty-before", "", append(slices.Repeat([]wire.Part{runc}, 20), ours)...),
		ignored("only-without-value", "", wire.Sub(8)),
		ignored("only-empty-any", "", wire.Sub(8, wire.Sub(1))),
		ignored("only-without-type", "", wire.Sub(8, wire.Sub(1, wire.Sub(2, typicalParts()...)))),
		arrives("bootstrap_neighbour_zero-options-first", "zero", `{}`, "The first one decides.",
			bootstrap(extension(contract.OptionsName, nil), ours), "Neighbour"),
		answered("malformed_bootstrap_first-options-damaged", contract.Malformed,
			"The first one decides, also when it is damaged.",
			bootstrap(damagedExtension(), ours), "Neighbour", "Damaged"),
	}
	for _, n := range nearNames {
		cases = append(cases, ignored("near-name-"+n.How, "Almost the name of Options.",
			extension(n.URL, typicalParts())))
	}
	return cases
}

// nearNames are those of the grammar's near names that are cases.
var nearNames = func() (list []grammar.NearName) {
	for _, how := range []string{"lower-case", "upper-case", "shorter", "longer", "prefixed", "dotted", "unqualified",
		"other-version", "slash-after", "path-after", "backslash", "space-before", "space-after", "nul-after",
		"other-message"} {
		all := grammar.RunHCS.NearNames()
		list = append(list, all[slices.IndexFunc(all, func(n grammar.NearName) bool { return n.How == how })])
	}
	return list
}()

// foreign is well-formed options of other types in a legacy Any.
func foreign() []Case {
	f := func(name, note, url string, value wire.Message) Case {
		return answered("legacy_foreign_"+name, contract.Foreign, note, legacy(url, value), "Foreign")
	}
	untyped := func(name, note string, m wire.Message) Case {
		return answered("legacy_no_type"+name, contract.Foreign, note, m, "Foreign")
	}
	cases := []Case{
		f("runtimeoptions",
			"CRI sends it for every runtime type but io.containerd.runhcs.v1; hcsshim does not link it.",
			"runtimeoptions.v1.Options",
			wire.Message{wire.String(1, "io.containerd.runhcs.v1.options"), wire.String(2, `C:\shim.toml`)}),
		f("runtimeoptions_empty", "BuildKit once sent it (hcsshim issue 1941).", "runtimeoptions.v1.Options", nil),
		f("runtimeoptions_anypb", "", googleapis+"runtimeoptions.v1.Options", nil),
		f("runtimeoptions_not-utf8", "The same answer whether or not the value could be a namespace.",
			"runtimeoptions.v1.Options", text("\x1a\x01\xff")),
		f("registered", "Linked into every hcsshim.", "google.protobuf.Empty", nil),
		f("registered_runc", "nerdctl sends it; some releases link it.", "containerd.runc.v1.Options",
			wire.Message{wire.Bool(1, true)}),
		f("registered_timestamp", "", "google.protobuf.Timestamp", wire.Message{wire.Varint(1, 1)}),
		f("registered_any", "Options within an Any within an Any are not looked for.", "google.protobuf.Any",
			typicalAny()),
		f("registered_process-details", "A neighbour of Options in its own file.",
			"containerd.runhcs.v1.ProcessDetails", wire.Message{wire.String(1, "pause.exe")}),
		f("registered_nested", "A message in itself, six deep.", "google.protobuf.DescriptorProto",
			wire.Message{wire.Sub(3, wire.Sub(3, wire.Sub(3, wire.Sub(3, wire.Sub(3, wire.Sub(3))))))}),
		f("registered_damaged", "", "google.protobuf.Timestamp", text("\x08")),
		f("registered_damaged-not-utf8", "", "google.protobuf.Timestamp", text("\xff")),
		f("json_spec", "typeurl decodes this type from JSON.", "types.containerd.io/opencontainers/runtime-spec/1/Spec",
			text(`{"ociVersion":"1.2.0"}`)),
		f("json_damaged", "", "types.containerd.io/opencontainers/runtime-spec/1/Spec", text(`{"ociVersion":`)),
		f("json_policy-fragment", "", "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/PolicyFragment",
			text(`{"fragment":"x"}`)),
		f("bootstrap-params", "BootstrapParams in an Any is not what any containerd sends.",
			"containerd.runtime.bootstrap.v1.BootstrapParams",
			bootstrap(typicalExtension())),
		untyped("", "One unknown field, nothing else.", wire.Message{wire.Varint(10, 0)}),
		untyped("_value-only", "", wire.Message{wire.Sub(2, typicalParts()...)}),
		untyped("_empty-url", "", wire.Message{wire.String(1, ""), wire.Sub(2, typicalParts()...)}),
		untyped("_wrong-wire-type", "", wire.Message{wire.Varint(1, 1), wire.Sub(2, typicalParts()...)}),
		untyped("_bare-options", "Options without the Any around them.", wire.Message{wire.Varint(debug, 1),
			wire.Varint(debugType, 2)}),
	}
	for _, n := range nearNames {
		cases = append(cases, f("near-name-"+n.How, "Almost the name of Options.", n.URL, typicalParts()))
	}
	return cases
}

// ambiguous is identities that make one message look like the other.
func ambiguous() []Case {
	ours := typicalExtension()
	clash := func(what, id, namespace, note string) Case {
		return arrives("ambiguous_id_"+what, "typical", typical, note, identified(id, namespace, ours), "Ambiguous")
	}
	other := func(what string, want contract.Kind, note string, m wire.Message) Case {
		return answered("ambiguous_"+what, want, note, m, "Ambiguous")
	}
	minimal := func(what, id, namespace, note string) Case {
		return other("minimal_"+what, contract.None, note, legacy(id, text(namespace)))
	}
	value := func(value, options, note string) Case {
		note = strings.TrimSpace(note + " Options by name, with a value that is a legal identifier.")
		return arrives("ambiguous_legacy_value_"+value, "", options, note, legacy(contract.OptionsName, text(value)),
			"Ambiguous")
	}
	return []Case{
		clash("options_namespace_inference", contract.OptionsName, "inference",
			"As an Any: Options with an unknown field, so the real ones are lost."),
		clash("options_namespace_p1", contract.OptionsName, "p1",
			"As an Any: Options with share_scratch, made of the namespace."),
		clash("options_namespace_H1", contract.OptionsName, "H1",
			"As an Any: Options with 49 MB of memory, made of the namespace."),
		clash("options_namespace_k8s", contract.OptionsName, "k8s.io", "As an Any: Options with a damaged value."),
		clash("options_namespace_default", contract.OptionsName, "default", ""),
		clash("options_namespace_empty", contract.OptionsName, "", "As an Any: zero Options."),
		clash("empty_namespace_inference", "google.protobuf.Empty", "inference",
			"As an Any: another type, so the start fails."),
		clash("empty_namespace_k8s", "google.protobuf.Empty", "k8s.io", ""),
		clash("timestamp_namespace_inference", "google.protobuf.Timestamp", "inference", ""),
		clash("runc_namespace_inference", "containerd.runc.v1.Options", "inference", ""),
		clash("process-details_namespace_inference", "containerd.runhcs.v1.ProcessDetails", "inference", ""),
		clash("unregistered_namespace_inference", "runtimeoptions.v1.Options", "inference", ""),
		other("id_options_no-options", contract.None, "As an Any: Options, where none were sent.",
			identified(contract.OptionsName, "inference")),
		other("id_options_other-extension", contract.None, "", identified(contract.OptionsName, "inference",
			extension("containerd.runc.v1.Options", nil))),
		other("id_empty_no-options", contract.None, "", identified("google.protobuf.Empty", "inference")),
		other("id_options_damaged-extension", contract.Malformed, "As an Any: Options. Its own are damaged.",
			identified(contract.OptionsName, "inference", damagedExtension())),
		other("id_options_damaged-version", contract.Malformed, "As an Any: Options with unknown fields.",
			identified(contract.OptionsName, "inference", wire.String(4, "\xff"))),
		other("id_options_namespace-not-utf8", contract.Malformed,
			"As an Any: Options. As BootstrapParams: no message.", identified(contract.OptionsName,
				"\x1a\x01x\xa2\x06\x01\xff")),
		other("legacy_value_default", contract.Malformed,
			"Options by name; the value is text, so a namespace for those who look for one.",
			legacy(contract.OptionsName, text("default"))),
		other("legacy_foreign_identifiers", contract.None, "An ID and a namespace.",
			legacy("nri.v1.PluginConfig", text("on"))),
		other("legacy_foreign_not-an-id", contract.Foreign, "A slash makes it no ID.",
			legacy("a/nri.v1.PluginConfig", text("on"))),
		other("legacy_foreign_not-a-namespace", contract.Foreign, "", legacy("nri.v1.PluginConfig", text("-on-"))),
		minimal("plain", "web-1", "k8s.io", "No released containerd sends it, but it is BootstrapParams."),
		minimal("empty", "google.protobuf.Empty", "inference", "As an Any: another type."),
		minimal("empty_k8s", "google.protobuf.Empty", "k8s.io", ""),
		minimal("longest", longest, longest, ""),
		{Name: "ambiguous_minimal_overwritten-not-utf8", Want: contract.Foreign,
			Or: []contract.Kind{contract.Malformed, contract.None}, Flags: flags("Ambiguous", "Free"),
			Payload: wire.Message{wire.String(2, "\xff"), wire.String(1, "web-1"), wire.String(2, "k8s.io")}.Encode(),
			Note:    "An ID and a namespace, but not BootstrapParams: an earlier namespace is not UTF-8."},
		{Name: "ambiguous_legacy_overwritten-not-utf8", Want: contract.Malformed,
			Or: []contract.Kind{contract.Foreign, contract.Options}, Options: typical,
			Flags:   flags("Ambiguous", "Free"),
			Payload: slices.Concat(wire.Message{wire.String(1, "\xff")}, typicalAny()).Encode(),
			Note:    "Options, but an earlier type URL is not UTF-8."},
		other("minimal_id-too-long", contract.Foreign, "77 bytes are no ID.", legacy(longest+"x", text("k8s.io"))),
		other("minimal_id-only", contract.Foreign, "No namespace, so no BootstrapParams either.", legacy("web-1", nil)),
		value("inference", `{}`, "One unknown field."),
		value("p1", `{"shareScratch":true}`, ""),
		value("h2", `{"defaultVmScratchSizeInGb":50}`, "A scratch size of 50 GB."),
	}
}

// longest is an identifier of 76 bytes.
const longest = "z234567890123456789012345678901234567890123456789012345678901234567890123456"
