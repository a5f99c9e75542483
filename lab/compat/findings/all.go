package findings

import (
	"slices"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/recorded"
)

// What an operator relies on beyond the options themselves.
var (
	startTells = contract.Guarantee{Name: "start-tells",
		Text: "What serve refuses start reports: containerd learns that no shim runs, and why."}
	valuesChecked = contract.Guarantee{Name: "values-checked",
		Text: "An option whose value means nothing is an error that names it."}
	logsAreNotVital = contract.Guarantee{Name: "logs-are-not-vital",
		Text: "No setting of the logs keeps a container from starting."}
	inputBounded = contract.Guarantee{Name: "input-bounded",
		Text: "A payload larger than any that containerd sends is refused before all of it is in memory."}
)

// All is every known finding, of any program and version: the suite's, and then those of
// other programs alone.
var All = join(findings.All, others)

// join adds findings to others, and the places of those that are there by their name.
func join(all, more findings.Catalogue) findings.Catalogue {
	all = slices.Clone(all)
	for _, f := range more {
		i := slices.IndexFunc(all, func(known Finding) bool { return known.Name == f.Name })
		if i < 0 {
			all = append(all, f)
			continue
		}
		all[i].Places = slices.Concat(all[i].Places, f.Places)
	}
	return all
}

// others are the findings of other programs. Of one that the suite has, too, they are
// further places.
var others = findings.Catalogue{
	{Name: "bootstrap-rejected", Places: []Place{
		{Program: RunHCS, From: "v0.8.23", Fixed: findings.BootstrapSupport, Case: "recorded_v2.4.2_lcow-v2_start_cri",
			Predict: legacyOnly.of(bootstrapParams)},
		{Program: ReadRuntimeOptions, From: "v2.2.9", Case: "recorded_v2.4.2_lcow-v2_start_cri",
			Predict: legacyOnly.of(bootstrapParams)},
		{Program: RustExtensions, From: "v0.11.0", Case: "recorded_v2.4.2_lcow-v2_start_runc",
			Predict: rust.of(namespaceRefused)},
	}},
	{Name: "foreign-type-panics", Places: []Place{
		{Program: RunHCS, Command: "create", From: findings.Oldest, Case: "legacy_foreign_registered"},
	}},
	{Name: "identity-misread", Places: []Place{
		{Program: RustExtensions, From: "v0.11.0", Payload: inNamespace("inference"),
			Predict: rust.of(namespaceIsOptions)},
	}},
	{Name: "foreign-legacy-is-default", Places: []Place{
		{Program: RunHCS, From: findings.BootstrapSupport, Case: "recorded_v2.4.2_runhcs-v1_start_runtimeoptions",
			Predict: drops.of(notLinked)},
		{Program: RuncV2, From: "v2.2.9", Fixed: "v2.3.0",
			Case: "recorded_v2.4.2_runhcs-v1_start_runtimeoptions", Predict: pkgShim.of(foreign)},
	}},
	{Name: "group-hides-bad-field-number", Places: []Place{
		{Program: RunHCS, Command: "create", From: findings.Oldest,
			Case: "malformed_legacy_options_group-field-above-max"},
		{Program: LCOW, From: findings.BootstrapSupport, Case: "malformed_bootstrap_options_group-field-above-max",
			Predict: lcow.of(groupInBootstrap)},
		{Program: PkgShim, From: "v2.3.7", Case: "malformed_bootstrap_options_group-field-above-max",
			Predict: pkgShim.of(groupInBootstrap)},
	}},
	{
		Name: "fields-dropped", Breaks: contract.AsSent,
		Effect: "Options that are newer than the shim are silently dropped: CRI's default, scrub_logs, among them, " +
			"so that the shim writes what it should scrub into its logs.",
		Places: []Place{
			{Program: RunHCS, From: "v0.8.23", Fixed: "v0.10.0-rc.1", Case: "recorded_v1.7.35_runhcs-v1_start_cri",
				Predict: withoutNewFields.of(legacyOptions)},
		},
	},
	{
		Name: "lcow-v2-loses-legacy-options", Breaks: contract.AsSent,
		Effect: "Options from containerd up to 2.2, a bare Any, are BootstrapParams without options to lcow-v2: it " +
			"silently starts with defaults; or not at all, where the options' bytes happen to be invalid UTF-8 " +
			"(CRI's default, scrub_logs).",
		Places: []Place{{Program: LCOW, From: findings.BootstrapSupport, Case: "legacy_field_sandbox-platform",
			Predict: lcow.of(legacyOptions)}},
	},
	{
		Name: "lcow-v2-legacy-is-default", Breaks: contract.ForeignFails,
		Effect: "Options that are damaged or of another type, in a bare Any, silently start lcow-v2 with defaults.",
		Places: []Place{{Program: LCOW, From: findings.BootstrapSupport, Case: "legacy_foreign_runtimeoptions",
			Predict: lcow.of(legacy)}},
	},
	{
		Name: "damage-ignored", Breaks: contract.MalformedFails,
		Effect: "A payload that cannot be decoded silently starts the shim with what was decoded before the fault: " +
			"defaults, or the options if they stand before it.",
		Places: []Place{
			{Program: PkgShim, From: "v2.3.7", Fixed: "v2.4.0", Case: "malformed_bootstrap_extension_truncated",
				Predict: pkgShim.of(damaged)},
			{Program: RuncV2, From: "v2.3.0", Fixed: "v2.4.0", Case: "malformed_bootstrap_extension_truncated",
				Predict: pkgShim.of(damaged)},
		},
	},
	{
		Name: "end-unread", Breaks: contract.AsSent,
		Effect: "Options that stand behind the first 10 MiB of the payload are silently dropped: nothing reads or " +
			"refuses what follows.",
		Places: []Place{
			{Program: PkgShim, From: "v2.3.7",
				Payload: behindUnread(contract.OptionsName, wire.Varint(1, 1)), Predict: pkgShim.of(tooLong)},
			{Program: RuncV2, From: "v2.3.0", Payload: behindUnread(RuncOptions, wire.String(3, recorded.RuncMarker)),
				Predict: pkgShim.of(tooLong)},
		},
	},
	{
		Name: "legacy-read-as-bootstrap", Breaks: contract.AsSent,
		Effect: "The options of containerd up to 2.2 are silently dropped: the Any that they come in is a " +
			"well-formed BootstrapParams without extensions, whose ID is a type's name. So a shim that was upgraded " +
			"before containerd runs with defaults. Options whose bytes are no UTF-8 are read as an Any, but dropped, " +
			"too, unless they are runc's.",
		Places: []Place{
			{Program: PkgShim, From: "v2.3.7", Fixed: "v2.4.0", Case: "recorded_v2.2.9_runhcs-v1_start_cri",
				Predict: pkgShim.of(legacy)},
			{Program: RuncV2, From: "v2.3.0", Fixed: "v2.4.0", Case: "recorded_v2.2.9_runhcs-v1_start_cri",
				Predict: pkgShim.of(legacy)},
		},
	},
	{
		Name: "legacy-refused", Breaks: contract.AsSent,
		Effect: "A shim that was upgraded before containerd starts no container of containerd up to 2.2. By design " +
			"since containerd 2.4, which identifies BootstrapParams by the ID and the namespace of the command line, " +
			"and says so in its error.",
		Places: []Place{
			{Program: PkgShim, From: "v2.4.0", Case: "recorded_v2.2.9_runhcs-v1_start_cri",
				Predict: pkgShim.of(legacy)},
			{Program: RuncV2, From: "v2.4.0", Case: "recorded_v2.2.9_runhcs-v1_start_cri",
				Predict: pkgShim.of(legacy)},
		},
	},
	{
		Name: "unreadable-is-default", Breaks: contract.MalformedFails,
		Effect: "Options that cannot be read silently start the shim with defaults: so do containerd 2.3's " +
			"BootstrapParams for a shim of 2.2 that is still installed.",
		Places: []Place{
			{Program: RuncV2, From: "v2.2.9", Fixed: "v2.3.0", Case: "recorded_v2.4.2_lcow-v2_start_runc",
				Predict: pkgShim.of(unreadable)},
		},
	},
	{
		Name: "type-url-ignored", Breaks: contract.ForeignFails,
		Effect: "Options of any other type are read as runc's Options. They silently start the shim with defaults; " +
			"or, if they have a string in field 3, which is registry_root in runhcs's and config_body in " +
			"runtimeoptions', start looks for a cgroup of that name and fails.",
		Places: []Place{
			{Program: RustExtensions, From: "v0.11.0", Case: "recorded_v2.4.2_runhcs-v1_start_all",
				Predict: rust.of(foreign)},
		},
	},
	{
		Name: "group-ends-unmatched", Breaks: contract.MalformedFails,
		Effect: "A group that another group's end closes is accepted: damaged bytes pass for options. The defect is " +
			"that of the crate protobuf, which does not compare the number of an end with that of the start.",
		Places: []Place{
			{Program: RustExtensions, From: "v0.11.0", Case: "malformed_legacy_legacy_group-end-of-another",
				Predict: rust.of(groupEndsUnmatched)},
		},
	},
	// What follows shows in the programs alone: make -C lab e2e reproduces it.
	{
		Name: "start-hides-refusal", Breaks: startTells,
		Effect: "When serve refuses the options or panics, start prints the address of a pipe that no process serves " +
			"and exits with 0. containerd cannot connect; the reason is in panic.log in the bundle only, until " +
			"delete logs its first MiB.",
		Places: []Place{{Program: RunHCS, Command: "start", From: findings.Oldest,
			Case: "malformed_legacy_legacy_field-0"}},
	},
	{
		Name: "lcow-v2-start-hangs", Breaks: startTells,
		Effect: "When serve refuses the options or panics, start waits for it forever: nothing sets the event that " +
			"serve would have set. The reason is on standard error.",
		Places: []Place{{Program: LCOW, Command: "start", From: findings.BootstrapSupport,
			Case: "malformed_legacy_legacy_field-0"}},
	},
	{
		Name: "debug-type-file-panics", Breaks: contract.NeverPanics,
		Effect: "DebugType FILE, a value of the options' own enum, crashes the shim with a Go panic.",
		Places: []Place{{Program: RunHCS, Command: "serve", From: findings.Oldest, Case: "legacy_field_debug-type_1"}},
	},
	{
		Name: "unknown-debug-type-accepted", Breaks: valuesChecked,
		Effect: "An invalid DebugType is silently accepted: no log pipe is made, and the logs end in panic.log.",
		Places: []Place{{Program: RunHCS, Command: "serve", From: findings.Oldest, Case: "legacy_field_debug-type_3"}},
	},
	{
		Name: "log-level-fails-start", Breaks: logsAreNotVital,
		Effect: "A log level that logrus does not know ends the shim: with one letter wrong in containerd's " +
			"configuration no container starts.",
		Places: []Place{
			{Program: RunHCS, Command: "serve", From: findings.Oldest, Case: "legacy_field_log-level"},
			{Program: LCOW, Command: "serve", From: findings.BootstrapSupport, Case: "bootstrap_field_log-level"},
		},
	},
	{
		Name: "stdin-unlimited", Breaks: inputBounded,
		Effect: "A payload of any size is read whole and decoded: 64 MiB cost several times that in memory before " +
			"anything looks at them.",
		Places: []Place{
			{Program: RunHCS, Command: "serve", From: findings.Oldest, Payload: large(1000)},
			{Program: LCOW, Command: "serve", From: findings.BootstrapSupport, Payload: inExtension(large(1000))},
		},
	},
	{
		Name: "log-level-echoed", Breaks: inputBounded,
		Effect: "An invalid log level is repeated in the error twice, however long it is: 64 MiB of it make a " +
			"panic.log of 128 MiB.",
		Places: []Place{
			{Program: RunHCS, Command: "serve", From: findings.Oldest, Payload: large(16)},
			{Program: LCOW, Command: "serve", From: findings.BootstrapSupport, Payload: inExtension(large(16))},
		},
	},
}
