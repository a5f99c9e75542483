package table

import (
	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// criDefault is what CRI sends for io.containerd.runhcs.v1 when nothing is configured.
const criDefault = `{"scrubLogs":true}`

// legacySenders is what containerd up to 2.2 sends.
func legacySenders() []Case {
	sender := flags("Sender")
	return []Case{
		{Name: "legacy_no_stdin", Want: contract.None, Flags: sender,
			Note: "containerd up to 2.2 without options writes nothing at all."},
		{Name: "legacy_zero_options", Payload: legacy(contract.OptionsName, nil).Encode(), Want: contract.Options, Options: `{}`, Class: "zero", Flags: sender,
			Note: "Zero options are options, not none."},
		{Name: "legacy_zero_options_explicit", Payload: wire.Message{wire.String(1, contract.OptionsName), wire.Sub(2)}.Encode(),
			Want: contract.Options, Options: `{}`, Class: "zero", Flags: flags("Equivalent")},
		{Name: "legacy_cri_default", Payload: legacy(contract.OptionsName, wire.Message{wire.Bool(scrubLogs, true)}).Encode(),
			Want: contract.Options, Options: criDefault, Class: "cri-default", Flags: sender},
		{Name: "legacy_cri_default_anypb", Payload: legacy(googleapis+contract.OptionsName, wire.Message{wire.Bool(scrubLogs, true)}).Encode(),
			Want: contract.Options, Options: criDefault, Class: "cri-default", Flags: sender,
			Note: "anypb.New writes the prefix, typeurl does not."},
		{Name: "legacy_options", Payload: legacy(contract.OptionsName, typicalParts()).Encode(),
			Want: contract.Options, Options: typical, Class: "typical", Flags: sender},
	}
}

// bootstrapSenders is what containerd from 2.3 on sends.
func bootstrapSenders() []Case {
	sender := flags("Sender")
	cri := extension(contract.OptionsName, wire.Message{wire.Bool(scrubLogs, true)})
	ours := extension(contract.OptionsName, typicalParts())
	return []Case{
		{Name: "bootstrap_no_options", Payload: bootstrap().Encode(), Want: contract.None, Flags: sender,
			Note: "From 2.3 on there is a message even without options."},
		{Name: "bootstrap_zero_options", Payload: bootstrap(extension(contract.OptionsName, nil)).Encode(),
			Want: contract.Options, Options: `{}`, Class: "zero", Flags: sender},
		{Name: "bootstrap_cri_default", Payload: bootstrap(cri).Encode(),
			Want: contract.Options, Options: criDefault, Class: "cri-default", Flags: sender},
		{Name: "bootstrap_cri_default_anypb", Payload: bootstrap(extension(googleapis+contract.OptionsName, wire.Message{wire.Bool(scrubLogs, true)})).Encode(),
			Want: contract.Options, Options: criDefault, Class: "cri-default", Flags: sender},
		{Name: "bootstrap_options", Payload: bootstrap(ours).Encode(),
			Want: contract.Options, Options: typical, Class: "typical", Flags: sender},
		{Name: "bootstrap_log_level_debug", Payload: bootstrap(wire.Int(3, -4), ours).Encode(),
			Want: contract.Options, Options: typical, Class: "typical", Flags: sender, Note: "Debug is -4, ten bytes on the wire."},
		{Name: "bootstrap_log_level_warn", Payload: bootstrap(wire.Int(3, 4), ours).Encode(),
			Want: contract.Options, Options: typical, Class: "typical", Flags: sender},
		{Name: "bootstrap_log_level_unknown", Payload: bootstrap(wire.Int(3, 99), ours).Encode(),
			Want: contract.Options, Options: typical, Class: "typical", Note: "LogLevel is an open enum."},
		{Name: "bootstrap_socket_dir", Payload: bootstrap(ours, wire.String(9, `C:\ProgramData\containerd\s`)).Encode(),
			Want: contract.Options, Options: typical, Class: "typical", Flags: sender},
		{Name: "bootstrap_socket_dir_empty", Payload: bootstrap(ours, wire.String(9, "")).Encode(),
			Want: contract.Options, Options: typical, Class: "typical"},
		{Name: "bootstrap_debug_no_options", Payload: bootstrap(wire.Int(3, -4)).Encode(), Want: contract.None, Flags: sender},
		{Name: "bootstrap_only_version", Payload: wire.Message{wire.String(4, "2.3.7")}.Encode(), Want: contract.None,
			Note: "One field that an Any does not have is enough to know the family."},
		{Name: "bootstrap_only_log-level", Payload: wire.Message{wire.Int(3, -4)}.Encode(), Want: contract.None},
		{Name: "bootstrap_only_ttrpc-address", Payload: wire.Message{wire.String(5, "a")}.Encode(), Want: contract.None},
		{Name: "bootstrap_only_grpc-address", Payload: wire.Message{wire.String(6, "a")}.Encode(), Want: contract.None},
		{Name: "bootstrap_only_binary", Payload: wire.Message{wire.String(7, "a")}.Encode(), Want: contract.None},
		{Name: "bootstrap_only_socket-dir", Payload: wire.Message{wire.String(9, "a")}.Encode(), Want: contract.None},
		{Name: "bootstrap_only_extension", Payload: wire.Message{ours}.Encode(),
			Want: contract.Options, Options: typical, Class: "typical"},
		{Name: "bootstrap_no_identity", Payload: bootstrap(ours)[2:].Encode(),
			Want: contract.Options, Options: typical, Class: "typical"},
	}
}
