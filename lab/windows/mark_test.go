package windows

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// marker is an invalid log level. A shim that repeats it in its error has read
// the options that contain it.
const marker = "shimfuzz-marker"

// logLevel is the number of the field that holds the marker. Every version of
// Options has it.
const logLevel = 16

// marks returns copies of b with the marker in all bytes that may be read as
// options: before these bytes, or after them for options that set a log level
// themselves. If b is BootstrapParams, the copies with the marker in its extensions
// come first; then, because a shim may mistake one message for the other, those
// with the marker in the value of an Any.
func marks(b []byte) [][]byte {
	field := wire.Message{wire.String(logLevel, marker)}.Encode()
	before := func(value []byte) []byte { return slices.Concat(field, value) }
	after := func(value []byte) []byte { return slices.Concat(value, field) }
	all := [][]byte{inAny(b, before), inAny(b, after)}
	if stdin.IsBootstrap(b) {
		all = slices.Concat([][]byte{inExtensions(b, before), inExtensions(b, after)}, all)
	}
	return slices.DeleteFunc(all, func(marked []byte) bool { return slices.Equal(marked, b) })
}

// inExtensions changes the value of each extension's Any.
func inExtensions(b []byte, change func([]byte) []byte) []byte {
	return rewrite(b, 8, func(extension []byte) []byte {
		return rewrite(extension, 1, func(value []byte) []byte { return inAny(value, change) })
	})
}

// inAny changes each value of an Any, and adds a value to an Any of Options that
// has none.
func inAny(b []byte, change func([]byte) []byte) []byte {
	out := rewrite(b, 2, change)
	url, _ := stdin.AnyParts(b)
	if slices.Equal(out, b) && stdin.TypeName(url) == contract.OptionsName {
		out = append(out, wire.Message{wire.Bytes(2, change(nil))}.Encode()...)
	}
	return out
}

// rewrite changes the values of the length-delimited fields with one number. All
// other bytes stay the same: tags, the width of lengths, bytes that are no field.
func rewrite(b []byte, num protowire.Number, change func([]byte) []byte) []byte {
	fields, rest := wire.Parse(b)
	var out []byte
	for _, f := range fields {
		if f.Num != num || f.Type != protowire.BytesType {
			out = append(out, f.Raw...)
			continue
		}
		_, _, tag := protowire.ConsumeTag(f.Raw)
		value := change(f.Value)
		width := len(f.Raw) - tag - len(f.Value)
		out = append(out, f.Raw[:tag]...)
		out = append(out, wire.WideVarint(uint64(len(value)), width)...)
		out = append(out, value...)
	}
	return append(out, rest...)
}
