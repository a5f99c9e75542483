package table

import (
	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// criDefault is what CRI sends for io.containerd.runhcs.v1 when nothing is configured.
const criDefault = `{"scrubLogs":true}`

// legacySenders is what containerd up to 2.2 sends.
func legacySenders() []Case {
	cri := wire.Message{wire.Bool(scrubLogs, true)}
	return []Case{
		{Name: "legacy_no_stdin", Want: contract.None, Flags: flags("Sender"),
			Note: "containerd up to 2.2 without options writes nothing at all."},
		arrives("legacy_zero_options", "zero", `{}`, "Zero options are options, not none.",
			legacy(contract.OptionsName, nil), "Sender"),
		arrives("legacy_zero_options_explicit", "zero", `{}`, "", wire.Message{wire.String(1, contract.OptionsName),
			wire.Sub(2)}, "Equivalent"),
		arrives("legacy_cri_default", "cri-default", criDefault, "", legacy(contract.OptionsName, cri), "Sender"),
		arrives("legacy_cri_default_anypb", "cri-default", criDefault, "anypb.New writes the prefix, typeurl does not.",
			legacy(googleapis+contract.OptionsName, cri), "Sender"),
		arrives("legacy_options", "typical", typical, "", typicalAny(), "Sender"),
	}
}

// bootstrapSenders is what containerd from 2.3 on sends.
func bootstrapSenders() []Case {
	cri := wire.Message{wire.Bool(scrubLogs, true)}
	ours := typicalExtension()
	none := func(name, note string, m wire.Message, flags ...string) Case {
		return answered("bootstrap_"+name, contract.None, note, m, flags...)
	}
	sent := func(name, note string, m wire.Message, flags ...string) Case {
		return arrives("bootstrap_"+name, "typical", typical, note, m, flags...)
	}
	return []Case{
		none("no_options", "From 2.3 on there is a message even without options.", bootstrap(), "Sender"),
		arrives("bootstrap_zero_options", "zero", `{}`, "", bootstrap(extension(contract.OptionsName, nil)), "Sender"),
		arrives("bootstrap_cri_default", "cri-default", criDefault, "", bootstrap(extension(contract.OptionsName, cri)),
			"Sender"),
		arrives("bootstrap_cri_default_anypb", "cri-default", criDefault, "",
			bootstrap(extension(googleapis+contract.OptionsName, cri)), "Sender"),
		sent("options", "", bootstrap(ours), "Sender"),
		sent("log_level_debug", "Debug is -4, ten bytes on the wire.", bootstrap(wire.Int(3, -4), ours), "Sender"),
		sent("log_level_warn", "", bootstrap(wire.Int(3, 4), ours), "Sender"),
		sent("log_level_unknown", "LogLevel is an open enum.", bootstrap(wire.Int(3, 99), ours)),
		sent("socket_dir", "", bootstrap(ours, wire.String(9, `C:\ProgramData\containerd\s`)), "Sender"),
		sent("socket_dir_empty", "", bootstrap(ours, wire.String(9, ""))),
		none("debug_no_options", "", bootstrap(wire.Int(3, -4)), "Sender"),
		none("only_version", "One field that an Any does not have is enough to know the family.",
			wire.Message{wire.String(4, "2.3.7")}),
		none("only_log-level", "", wire.Message{wire.Int(3, -4)}),
		none("only_ttrpc-address", "", wire.Message{wire.String(5, "a")}),
		none("only_grpc-address", "", wire.Message{wire.String(6, "a")}),
		none("only_binary", "", wire.Message{wire.String(7, "a")}),
		none("only_socket-dir", "", wire.Message{wire.String(9, "a")}),
		sent("only_extension", "", wire.Message{ours}),
		sent("no_identity", "", bootstrap(ours)[2:]),
	}
}
