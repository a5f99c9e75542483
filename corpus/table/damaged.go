package table

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
)

// damaged is each malformed class of the contract in each message of each family, and each
// freedom of an encoding.
func damaged() []Case {
	var cases []Case
	opts := parse(typical)
	for _, family := range []grammar.Level{grammar.Legacy, grammar.Bootstrap} {
		for _, level := range grammar.RunHCS.Levels(family) {
			for _, f := range faults(level) {
				p := grammar.RunHCS.Damaged(grammar.Lowest{}, 0, opts, family, level, f)
				cases = append(cases, faulty(family, level, f, p))
			}
		}
	}
	return append(cases,
		answered("malformed_legacy_value_text", contract.Malformed, "Text in place of the Options.",
			legacy(contract.OptionsName, text("not options")), "Damaged"),
		answered("malformed_legacy_value_json", contract.Malformed, "JSON in place of the Options.",
			legacy(contract.OptionsName, text(`{"debug":true}`)), "Damaged"),
		answered("malformed_bootstrap_value_json", contract.Malformed, "JSON in place of the Options.",
			bootstrap(extension(contract.OptionsName, text(`{"debug":true}`))), "Damaged"),
		answered("malformed_one_byte_0a", contract.Malformed, "A tag without its value.", text("\x0a"), "Damaged"),
		answered("malformed_one_byte_ff", contract.Malformed, "An unfinished varint.", text("\xff"), "Damaged"),
	)
}

// faults are the faults and freedoms of a level. Those of 20,000 bytes are there where the
// answers differ: at the top, and two levels down.
func faults(level grammar.Level) []grammar.Token {
	all := slices.Concat(grammar.RunHCS.Faults(level), grammar.RunHCS.Freedoms(level))
	return slices.DeleteFunc(all, func(f grammar.Token) bool {
		return len(f.Bytes) > 10_000 && f.Name != "group-too-deep" && level != grammar.Legacy && level != grammar.Any
	})
}

// faulty is a case of a fault, or of a freedom.
func faulty(family, level grammar.Level, f grammar.Token, p grammar.Payload) Case {
	what := strings.NewReplacer(",", "", " ", "-").Replace(f.Name)
	c := Case{Name: fmt.Sprintf("malformed_%s_%s_%s", family, level, what), Payload: p.Bytes, Want: contract.Malformed,
		Flags: flags("Damaged")}
	if f.Freedom == "" {
		return c
	}
	c.Options, c.Flags, c.Or = typical, flags("Free"), []contract.Kind{contract.Options}
	if f.Freedom != "over-64-bits" {
		c.Name = fmt.Sprintf("%s_free_%s_%s", family, level, what)
	}
	return c.asReferenceFirst()
}

// asReferenceFirst returns the case with the answer first, of those that are right, that the
// reference gives.
func (c Case) asReferenceFirst() Case {
	all := append([]contract.Kind{c.Want}, c.Or...)
	first := reference.Answer(c.Payload).Kind
	c.Want, c.Or = first, slices.DeleteFunc(all, func(k contract.Kind) bool { return k == first })
	return c
}

// otherFormats is payloads that are no protobuf, or protobuf inside a frame.
func otherFormats() []Case {
	var cases []Case
	add := func(name, note string, b []byte) {
		cases = append(cases, Case{Name: "malformed_format_" + name, Payload: b, Want: contract.Malformed,
			Flags: flags("OtherFormat"), Note: note})
	}
	legacyBytes := typicalAny().Encode()
	bootstrapBytes := bootstrap(typicalExtension()).Encode()
	for _, frame := range grammar.Frames {
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
	add("twice-cut", "One payload and half of it again.", append(append([]byte{}, legacyBytes...),
		legacyBytes[:len(legacyBytes)/2]...))
	add("utf16", "", []byte(strings.Join(strings.Split(typical, ""), "\x00")))
	return cases
}
