package table

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
)

// damaged is each malformed class of the contract in each message of each family.
func damaged() []Case {
	var cases []Case
	add := func(family string, level payload.Level, fault payload.Fault, p payload.Payload) {
		cases = append(cases, Case{Name: fmt.Sprintf("malformed_%s_%s_%s", family, level, fault.Name), Payload: p.Bytes, Want: contract.Malformed, Flags: flags("Damaged")})
	}
	opts := parse(typical)
	for _, fault := range payload.Faults {
		for _, level := range payload.LegacyLevels {
			add("legacy", level, fault, payload.DamagedLegacy(payload.Lowest{}, 0, opts, level, fault))
		}
		for _, level := range payload.BootstrapLevels {
			add("bootstrap", level, fault, payload.DamagedBootstrap(payload.Lowest{}, 0, opts, level, fault))
		}
	}
	return append(cases,
		answered("malformed_legacy_value_text", contract.Malformed, "Text in place of the Options.", legacy(contract.OptionsName, text("not options")), "Damaged"),
		answered("malformed_legacy_value_json", contract.Malformed, "JSON in place of the Options.", legacy(contract.OptionsName, text(`{"debug":true}`)), "Damaged"),
		answered("malformed_bootstrap_value_json", contract.Malformed, "JSON in place of the Options.", bootstrap(extension(contract.OptionsName, text(`{"debug":true}`))), "Damaged"),
		answered("malformed_one_byte_0a", contract.Malformed, "A tag without its value.", text("\x0a"), "Damaged"),
		answered("malformed_one_byte_ff", contract.Malformed, "An unfinished varint.", text("\xff"), "Damaged"),
	)
}

// otherFormats is payloads that are no protobuf, or protobuf inside a frame.
func otherFormats() []Case {
	var cases []Case
	add := func(name, note string, b []byte) {
		cases = append(cases, Case{Name: "malformed_format_" + name, Payload: b, Want: contract.Malformed, Flags: flags("OtherFormat"), Note: note})
	}
	legacyBytes := legacy(contract.OptionsName, typicalParts()).Encode()
	bootstrapBytes := bootstrap(extension(contract.OptionsName, typicalParts())).Encode()
	for _, frame := range payload.Frames {
		add(frame.Name+"_legacy", "", frame.Wrap(legacyBytes))
		add(frame.Name+"_bootstrap", "", frame.Wrap(bootstrapBytes))
	}
	add("json_options", "", []byte(typical))
	add("json_any", "", []byte(`{"@type":"type.googleapis.com/containerd.runhcs.v1.Options","debug":true}`))
	add("json_bootstrap", "", []byte(`{"instanceId":"web-1","namespace":"k8s.io","containerdVersion":"2.3.7"}`))
	add("json_empty", "", []byte(`{}`))
	add("text_options", "", []byte("debug: true\nsandbox_isolation: HYPERVISOR\n"))
	add("toml", "", []byte("Debug = true\nSandboxIsolation = 1\n"))
	add("base64", "", []byte(base64.StdEncoding.EncodeToString(bootstrapBytes)))
	add("hex", "", []byte(hex.EncodeToString(bootstrapBytes)))
	add("space", "", []byte(" "))
	add("newline", "", []byte("\n"))
	add("nuls", "", make([]byte, 16))
	add("twice-cut", "One payload and half of it again.", append(append([]byte{}, legacyBytes...), legacyBytes[:len(legacyBytes)/2]...))
	add("utf16", "", []byte(strings.Join(strings.Split(typical, ""), "\x00")))
	return cases
}
