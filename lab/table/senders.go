package table

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// senders is what containerd up to 2.2 sends, and what it sends from 2.3 on.
func (t *table) senders() {
	zero, cri := t.rows("", says("zero", `{}`, "Sender")), t.rows("", says("cri-default", criDefault, "Sender"))
	sent, none := t.rows("", says("typical", typical, "Sender")), t.rows("", answered(contract.None, "Sender"))
	ours, scrub := extension(parts(typical)...), parts(criDefault)
	none("legacy_no_stdin", "containerd up to 2.2 without options writes nothing at all.")
	zero("legacy_zero_options", "Zero options are options, not none.", legacy()...)
	t.add(t.of("zero", "Equivalent"), "legacy_zero_options_explicit", "", append(legacy(), wire.Sub(2))...)
	cri("legacy_cri_default", "", legacy(scrub...)...)
	cri("legacy_cri_default_anypb", "anypb.New writes the prefix, typeurl does not.",
		anyOf(googleapis+optionsName, scrub...)...)
	sent("legacy_options", "", legacy(parts(typical)...)...)
	none("bootstrap_no_options", "From 2.3 on there is a message even without options.", bootstrap()...)
	zero("bootstrap_zero_options", "", bootstrap(extension())...)
	cri("bootstrap_cri_default", "", bootstrap(extension(scrub...))...)
	cri("bootstrap_cri_default_anypb", "", bootstrap(extensionOf(googleapis+optionsName, scrub...))...)
	sent("bootstrap_options", "", bootstrap(ours)...)
	sent("bootstrap_log_level_debug", "Debug is -4, ten bytes on the wire.", bootstrap(wire.Int(3, -4), ours)...)
	sent("bootstrap_log_level_warn", "", bootstrap(wire.Int(3, 4), ours)...)
	unsent := t.rows("bootstrap_", t.of("typical"))
	unsent("log_level_unknown", "LogLevel is an open enum.", bootstrap(wire.Int(3, 99), ours)...)
	sent("bootstrap_socket_dir", "", bootstrap(ours, wire.String(9, `C:\ProgramData\containerd\s`))...)
	unsent("socket_dir_empty", "", bootstrap(ours, wire.String(9, ""))...)
	none("bootstrap_debug_no_options", "", bootstrap(wire.Int(3, -4))...)
	only := t.rows("bootstrap_only_", answered(contract.None))
	only("version", "One field that an Any does not have is enough to know the family.", bootstrap()[2:3]...)
	only("log-level", "", wire.Int(3, -4))
	only("ttrpc-address", "", wire.String(5, "a"))
	only("grpc-address", "", wire.String(6, "a"))
	only("binary", "", wire.String(7, "a"))
	only("socket-dir", "", wire.String(9, "a"))
	unsent("only_extension", "", ours)
	unsent("no_identity", "", bootstrap(ours)[2:]...)
}

// neighbours is extensions of other types, with ours and alone.
func (t *table) neighbours() {
	const prefix, first = "bootstrap_neighbour_", "The first one decides"
	ours, zero, damaged := extension(parts(typical)...), extension(), extension(text("\xff"))
	empty, without := wire.Sub(8), wire.Sub(8, wire.Sub(1))
	untyped := wire.Sub(8, wire.Sub(1, wire.Sub(2, parts(typical)...)))
	runc := extensionOf(googleapis+runcName, wire.String(2, "cgroup"))
	sent := t.rows(prefix, t.of("typical", "Neighbour"))
	none := t.rows(prefix, answered(contract.None, "Neighbour"))
	sent("before", "", bootstrap(runc, ours)...)
	sent("after", "", bootstrap(ours, runc)...)
	sent("unregistered-before", "", bootstrap(extensionOf(unregistered, wire.String(1, "x")), ours)...)
	sent("damaged-before", "What another reader's extension holds is its own affair.",
		bootstrap(extensionOf(runcName, text("\xff")), ours)...)
	sent("without-value-before", "", bootstrap(empty, ours)...)
	sent("empty-any-before", "", bootstrap(without, ours)...)
	sent("without-type-before", "", bootstrap(untyped, ours)...)
	sent("second-options", first+".", bootstrap(ours, extension(parts(`{"logLevel":"second"}`)...))...)
	sent("second-options-damaged", first+", whatever the second holds.", bootstrap(ours, damaged)...)
	sent("zero-options-second", "", bootstrap(ours, zero)...)
	none("only-runc", "", bootstrap(runc)...)
	t.add(answered(contract.None, "Neighbour", "Sender"), prefix+"only-runtimeoptions",
		"CRI sends it for every runtime type but io.containerd.runhcs.v1.",
		bootstrap(extensionOf(runtimeName, wire.String(2, `C:\shim.toml`)))...)
	sent("twenty-before", "", bootstrap(append(slices.Repeat([]wire.Part{runc}, 20), ours)...)...)
	none("only-without-value", "", bootstrap(empty)...)
	none("only-empty-any", "", bootstrap(without)...)
	none("only-without-type", "", bootstrap(untyped)...)
	t.add(t.of("zero", "Neighbour"), prefix+"zero-options-first", first+".", bootstrap(zero, ours)...)
	t.add(answered(contract.Malformed, "Neighbour", "Damaged"), "malformed_bootstrap_first-options-damaged",
		first+", also when it is damaged.", bootstrap(damaged, ours)...)
	for _, n := range nearNames() {
		none("near-name-"+n.How, "Almost the name of Options.", bootstrap(extensionOf(n.URL, parts(typical)...))...)
	}
}

// nearNames are the first of the grammar's near names, which are cases.
func nearNames() []grammar.NearName { return grammar.RunHCS.NearNames[:15] }

// foreign is well-formed options of other types in a legacy Any.
func (t *table) foreign() {
	const spec = "types.containerd.io/opencontainers/runtime-spec/1/Spec"
	add := func(name, note, url string, value ...wire.Part) {
		t.add(answered(contract.Foreign, "Foreign"), "legacy_foreign_"+name, note, anyOf(url, value...)...)
	}
	add("runtimeoptions", "CRI sends it for every runtime type but io.containerd.runhcs.v1; hcsshim does not link it.",
		runtimeName, wire.String(1, "io.containerd.runhcs.v1.options"), wire.String(2, `C:\shim.toml`))
	add("runtimeoptions_empty", "BuildKit v0.13.0-beta1 sent it (hcsshim issue 1941).", runtimeName)
	add("runtimeoptions_anypb", "", googleapis+runtimeName)
	add("runtimeoptions_not-utf8", "The same answer whether or not the value could be a namespace.", runtimeName,
		text("\x1a\x01\xff"))
	add("registered", "Linked into every hcsshim.", emptyName)
	add("registered_runc", "The options of runc's shim; some releases link it.", runcName, wire.Varint(1, 1))
	add("registered_timestamp", "", timestampName, wire.Varint(1, 1))
	add("registered_any", "Options within an Any within an Any are not looked for.", "google.protobuf.Any",
		legacy(parts(typical)...)...)
	add("registered_process-details", "A neighbour of Options in its own file.", processName,
		wire.String(1, "pause.exe"))
	add("registered_nested", "A message in itself, six deep.", "google.protobuf.DescriptorProto",
		wire.Sub(3, wire.Sub(3, wire.Sub(3, wire.Sub(3, wire.Sub(3, wire.Sub(3)))))))
	add("registered_damaged", "", timestampName, text("\x08"))
	add("registered_damaged-not-utf8", "", timestampName, text("\xff"))
	add("json_spec", "typeurl decodes this type from JSON.", spec, text(`{"ociVersion":"1.2.0"}`))
	add("json_damaged", "", spec, text(`{"ociVersion":`))
	add("json_policy-fragment", "", "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/PolicyFragment",
		text(`{"fragment":"x"}`))
	add("bootstrap-params", "BootstrapParams in an Any is not what any containerd sends.",
		"containerd.runtime.bootstrap.v1.BootstrapParams", bootstrap(extension(parts(typical)...))...)
	untyped, value := t.rows("legacy_no_type", answered(contract.Foreign, "Foreign")), wire.Sub(2, parts(typical)...)
	untyped("", "One unknown field, nothing else.", wire.Varint(10, 0))
	untyped("_value-only", "", value)
	untyped("_empty-url", "", wire.String(1, ""), value)
	untyped("_wrong-wire-type", "", wire.Varint(1, 1), value)
	untyped("_bare-options", "Options without the Any around them.", parts(`{"debug":true,"debugType":"ETW"}`)...)
	for _, n := range nearNames() {
		add("near-name-"+n.How, "Almost the name of Options.", n.URL, parts(typical)...)
	}
}

// clashes is identities that make BootstrapParams look like an Any.
func (t *table) clashes() {
	clash := func(what, id, namespace, note string) {
		what += "_namespace_" + strings.TrimSuffix(cmp.Or(namespace, "empty"), ".io")
		t.add(t.of("typical", "Ambiguous"), "ambiguous_id_"+what, note,
			identified(id, namespace, extension(parts(typical)...))...)
	}
	clash("options", optionsName, "inference", "As an Any: Options with an unknown field, so the real ones are lost.")
	clash("options", optionsName, "p1", "As an Any: Options with share_scratch, made of the namespace.")
	clash("options", optionsName, "H1", "As an Any: Options with 49 MB of memory, made of the namespace.")
	clash("options", optionsName, "k8s.io", "As an Any: Options with a damaged value.")
	clash("options", optionsName, "default", "")
	clash("options", optionsName, "", "As an Any: zero Options.")
	clash("empty", emptyName, "inference", "As an Any: another type, so the start fails.")
	clash("empty", emptyName, "k8s.io", "")
	clash("timestamp", timestampName, "inference", "")
	clash("runc", runcName, "inference", "")
	clash("process-details", processName, "inference", "")
	clash("unregistered", runtimeName, "inference", "")
}

// ambiguous is more messages that look like the other one.
func (t *table) ambiguous() {
	none := t.rows("ambiguous_", answered(contract.None, "Ambiguous"))
	foreign := t.rows("ambiguous_", answered(contract.Foreign, "Ambiguous"))
	malformed := t.rows("ambiguous_", answered(contract.Malformed, "Ambiguous"))
	bad, plain := extension(text("\xff")), anyOf("web-1", text("k8s.io"))
	named := func(more ...wire.Part) wire.Message { return identified(optionsName, "inference", more...) }
	none("id_options_no-options", "As an Any: Options, where none were sent.", named()...)
	none("id_options_other-extension", "", named(extensionOf(runcName))...)
	none("id_empty_no-options", "", identified(emptyName, "inference")...)
	malformed("id_options_damaged-extension", "As an Any: Options. Its own are damaged.", named(bad)...)
	malformed("id_options_damaged-version", "As an Any: Options with unknown fields.", named(wire.String(4, "\xff"))...)
	malformed("id_options_namespace-not-utf8", "As an Any: Options. As BootstrapParams: no message.",
		identified(optionsName, "\x1a\x01x\xa2\x06\x01\xff")...)
	malformed("legacy_value_default", "Options by name; the value is text, so a namespace for those who look for one.",
		legacy(text("default"))...)
	none("legacy_foreign_identifiers", "An ID and a namespace.", anyOf(unregistered, text("on"))...)
	foreign("legacy_foreign_not-an-id", "A slash makes it no ID.", anyOf("a/"+unregistered, text("on"))...)
	foreign("legacy_foreign_not-a-namespace", "", anyOf(unregistered, text("-on-"))...)
	none("minimal_plain", "No released containerd sends it, but it is BootstrapParams.", plain...)
	none("minimal_empty", "As an Any: another type.", anyOf(emptyName, text("inference"))...)
	none("minimal_empty_k8s", "", anyOf(emptyName, text("k8s.io"))...)
	none("minimal_longest", "", anyOf(longest, text(longest))...)
	overwritten := corpus.Case{Flags: []string{"Ambiguous", "overwritten"}, Outcome: contract.Foreign,
		Or: []contract.Kind{contract.Malformed, contract.None}}
	t.add(overwritten, "ambiguous_minimal_overwritten-not-utf8",
		"An ID and a namespace, but not BootstrapParams: an earlier namespace is not UTF-8.",
		append(wire.Message{wire.String(2, "\xff")}, plain...)...)
	overwritten.Outcome, overwritten.Or = contract.Malformed, []contract.Kind{contract.Foreign, contract.Options}
	overwritten.Options = []byte(typical)
	t.add(overwritten, "ambiguous_legacy_overwritten-not-utf8", "Options, but an earlier type URL is not UTF-8.",
		append(anyOf("\xff"), legacy(parts(typical)...)...)...)
	foreign("minimal_id-too-long", "77 bytes are no ID.", anyOf(longest+"x", text("k8s.io"))...)
	foreign("minimal_id-only", "No namespace, so no BootstrapParams either.", anyOf("web-1")...)
	value := func(value, opts, note string) {
		t.add(says("", opts, "Ambiguous"), "ambiguous_legacy_value_"+value,
			note+"Options by name, with a value that is a legal identifier.", legacy(text(value))...)
	}
	value("inference", `{}`, "One unknown field. ")
	value("p1", `{"shareScratch":true}`, "")
	value("h2", `{"defaultVmScratchSizeInGb":50}`, "A scratch size of 50 GB. ")
}

// longest is an identifier of 76 bytes.
const longest = "z234567890123456789012345678901234567890123456789012345678901234567890123456"

// identifiers is an ID or a namespace that nearly is one, so no BootstrapParams either.
func (t *table) identifiers() {
	near := t.rows("ambiguous_near-", answered(contract.Foreign, "Ambiguous"))
	for i, s := range grammar.NotIdentifiers {
		if s != "" {
			near(fmt.Sprintf("id_%02d", i), fmt.Sprintf("%q is no identifier.", s), anyOf(s, text("k8s.io"))...)
			near(fmt.Sprintf("namespace_%02d", i), fmt.Sprintf("%q is no identifier.", s), anyOf("web-1", text(s))...)
		}
	}
}
