package findings

import "shimfuzz/internal/contract"

// Newest is the newest release whose findings are known.
const Newest = "v0.15.0"

// BootstrapSupport is the first release that reads BootstrapParams: hcsshim
// pull request 2868, for issue 2780.
const BootstrapSupport = "v0.15.0-rc.4"

// Oldest is the first release whose readOptions is tested; its defects are older.
const Oldest = "v0.12.0"

// All is every known finding of readOptions and of what decodes CreateTaskRequest.Options.
var All = Catalogue{
	{
		Name: "bootstrap-rejected", Breaks: contract.AsSent,
		Effect: "No container starts with the BootstrapParams that containerd 2.3 sends to shims of other names than " +
			"runhcs-v1's: the reader mistakes them for an Any whose type is the container's ID, and there is none " +
			"(hcsshim issue 2780). ReadRuntimeOptions, the helper that containerd offers to authors of shims, still " +
			"does so. rust-extensions does not look at the type: it decodes the namespace as runc's Options, which " +
			"fails for k8s.io.",
		Places: []Place{
			{Program: ReadOptions, From: Oldest, Fixed: BootstrapSupport, Case: "bootstrap_options",
				Predict: bootstrapRejected},
		},
	},
	{
		Name: "foreign-type-panics", Breaks: contract.NeverPanics,
		Effect: "Options of any other type that is linked into the shim crash it with a Go panic instead of an error " +
			"that says what is wrong with the configuration. readOptions is fixed; where the options of " +
			"CreateTaskRequest are decoded it still crashes, with all tasks of the pod.",
		Places: []Place{
			{Program: ReadOptions, From: Oldest, Fixed: BootstrapSupport, Case: "legacy_foreign_registered",
				Predict: foreignTypePanics},
			{Program: Create, From: Oldest, Case: "legacy_foreign_registered", Predict: foreignTypePanics},
		},
	},
	{
		Name: "identity-misread", Breaks: contract.NonInterference,
		Effect: "A container whose ID is the name of a linked protobuf type, in a namespace that is well-formed " +
			"protobuf, loses its options, gets options made of the namespace's letters, or does not start.",
		Places: []Place{
			{Program: ReadOptions, From: Oldest, Case: "ambiguous_id_options_namespace_inference",
				Predict: identityMisread},
		},
	},
	{
		Name: "corrupt-legacy-is-default", Breaks: contract.MalformedFails,
		Effect: "A legacy Any of runhcs Options with a damaged value silently starts the shim with default options: " +
			"isolation, scrubbing and sizes are not what the operator configured.",
		Places: []Place{
			{Program: ReadOptions, From: BootstrapSupport, Case: "malformed_legacy_options_truncated",
				Predict: isDefault(corrupt)},
		},
	},
	{
		Name: "foreign-legacy-is-default", Breaks: contract.ForeignFails,
		Effect: "Options of another type silently start the shim with default options. CRI sends such for every " +
			"runtime type but io.containerd.runhcs.v1, so a whole [options] table is dropped. Whether it is dropped " +
			"or refused depends on the packages linked in and on the value's bytes.",
		Places: []Place{
			{Program: ReadOptions, From: BootstrapSupport, Case: "legacy_foreign_runtimeoptions",
				Predict: isDefault(foreign)},
		},
	},
	{
		Name: "untyped-is-default", Breaks: contract.ForeignFails,
		Effect: "A message that names no type at all, down to two stray bytes on stdin, silently starts the shim " +
			"with default options.",
		Places: []Place{
			{Program: ReadOptions, From: BootstrapSupport, Case: "legacy_no_type",
				Predict: isDefault(untyped)},
		},
	},
	{
		Name: "group-hides-bad-field-number", Breaks: contract.MalformedFails,
		Effect: "A field number above 2^29-1, which protobuf does not have, is accepted inside a group: damaged " +
			"bytes pass for options. The defect is google.golang.org/protobuf's (protowire.ConsumeTag).",
		Library: "google.golang.org/protobuf",
		Places: []Place{
			{Program: ReadOptions, From: Oldest, Case: "malformed_legacy_options_group-field-above-max",
				Predict: groupHidesBadFieldNumber},
			{Program: Create, From: Oldest, Case: "malformed_legacy_options_group-field-above-max",
				Predict: groupHidesBadFieldNumber},
		},
	},
}

// Named is All.Named. These shims have findings that only the lab knows: a user gives the suite and
// the lab one list of what to leave out.
func Named(name string) (List, error) { return All.Named(name, "runhcs-v1", "lcow-v2") }
