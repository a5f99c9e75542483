// Command rustextensions reads payloads as the async API of containerd's
// rust-extensions does, on which shims in Rust are built. It is written from the
// behaviour of the crate containerd-shim, which is Rust, and has none of its code.
package main

import (
	"unicode/utf8"

	"shimfuzz/internal/wire"
	"shimfuzz/lab/conformance/protocol"
)

func main() { protocol.Main(answer) }

// answer says what becomes of a payload. Of the options start uses the cgroup alone,
// so options without one are none.
func answer(payload []byte) protocol.Answer {
	cgroup, err := readCgroup(payload)
	switch {
	case err != nil:
		return protocol.Failed(err)
	case cgroup == "":
		return protocol.Answer{Outcome: protocol.None}
	}
	return protocol.Answer{Outcome: protocol.Options, Detail: wire.String(optionsCgroup, cgroup).Append(nil)}
}

// Field numbers of google.protobuf.Any and containerd.runc.v1.Options.
const (
	anyTypeURL, anyValue = 1, 2
	optionsCgroup        = 3
)

// anyStrings and optionsStrings are the fields that must be UTF-8, optionsUint32 those
// whose value must fit into 32 bits.
var (
	anyStrings     = map[uint32]bool{anyTypeURL: true}
	optionsStrings = map[uint32]bool{optionsCgroup: true, 6: true, 7: true, 10: true, 11: true, 12: true}
	optionsUint32  = map[uint32]bool{4: true, 5: true, 13: true}
)

// readCgroup returns the cgroup that start adds the shim to, "" for none: that of the
// value of an Any, of whatever type. This is set_cgroup_and_oom_score in
// crates/shim/src/cgroup.rs, of which every error ends start.
func readCgroup(payload []byte) (string, error) {
	if len(payload) == 0 {
		return "", nil
	}
	value, err := lastField(payload, anyValue, anyStrings, nil)
	if err != nil {
		return "", err
	}
	cgroup, err := lastField(value, optionsCgroup, optionsStrings, optionsUint32)
	return string(cgroup), err
}

// lastField decodes a message and returns the last occurrence of one length-delimited
// field.
func lastField(message []byte, number uint32, texts, uint32s map[uint32]bool) (last []byte, err error) {
	r := &reader{rest: message}
	for len(r.rest) > 0 {
		tag, err := r.varint32()
		if err != nil {
			return nil, err
		}
		n := tag >> 3
		switch {
		case tag&7 == bytesType && (n == number || texts[n]):
			b, err := r.bytes()
			if err != nil {
				return nil, err
			}
			if texts[n] && !utf8.Valid(b) {
				return nil, errUTF8
			}
			if n == number {
				last = b
			}
		case tag&7 == varintType && uint32s[n]:
			_, err = r.varint32()
		default:
			err = r.skipUnknown(tag)
		}
		if err != nil {
			return nil, err
		}
	}
	return last, nil
}
