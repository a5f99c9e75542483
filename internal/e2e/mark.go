package e2e

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// marker is a log level that is none: a shim that gives it back in its error
// has these very options.
const marker = "shimfuzz-marker"

// logLevel is the field of Options that the marker is in; options of every
// version have it.
const logLevel = 16

// marks returns b with the marker in whatever may be read as options: in front
// of what is there, or behind it, for options with a log level of their own. What
// may be options of BootstrapParams comes first, and then, because a shim can
// take one message for the other, what may be those of an Any.
func marks(b []byte) [][]byte {
	field := wire.Message{wire.String(logLevel, marker)}.Encode()
	front := func(value []byte) []byte { return slices.Concat(field, value) }
	behind := func(value []byte) []byte { return slices.Concat(value, field) }
	all := [][]byte{inAny(b, front), inAny(b, behind)}
	if stdin.IsBootstrap(b) {
		all = slices.Concat([][]byte{inExtensions(b, front), inExtensions(b, behind)}, all)
	}
	return slices.DeleteFunc(all, func(marked []byte) bool { return slices.Equal(marked, b) })
}

// inExtensions changes the value of each extension's Any.
func inExtensions(b []byte, change func([]byte) []byte) []byte {
	return rewrite(b, 8, func(extension []byte) []byte {
		return rewrite(extension, 1, func(value []byte) []byte { return inAny(value, change) })
	})
}

// inAny changes each value of an Any, and gives one to an Any of Options that
// has none.
func inAny(b []byte, change func([]byte) []byte) []byte {
	out := rewrite(b, 2, change)
	url, _ := stdin.AnyParts(b)
	if slices.Equal(out, b) && url[strings.LastIndexByte(url, '/')+1:] == contract.OptionsName {
		out = append(out, wire.Message{wire.Bytes(2, change(nil))}.Encode()...)
	}
	return out
}

// rewrite changes the length-delimited fields of one number and leaves all other
// bytes as they are: tags, the width of lengths, what cannot be read.
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
