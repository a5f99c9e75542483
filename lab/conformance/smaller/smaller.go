// Package smaller makes the payload of a failure smaller, field by field.
package smaller

import (
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/wire"
)

// Of yields a message with one thing in it left out or made smaller. What a field holds
// is a text and a message: nothing says which.
func Of(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		fields, rest := wire.Parse(b)
		for _, f := range fields {
			if !yield(slices.Concat(b[:f.Offset], b[f.Offset+len(f.Raw):])) {
				return
			}
		}
		for _, f := range fields {
			for piece := range field(f) {
				if !yield(slices.Concat(b[:f.Offset], piece, b[f.Offset+len(f.Raw):])) {
					return
				}
			}
		}
		for piece := range shorter(rest) {
			if !yield(slices.Concat(b[:len(b)-len(rest)], piece)) {
				return
			}
		}
	}
}

// field yields a field with a smaller value, or in a shorter encoding.
func field(f wire.Field) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		tag, n := protowire.ConsumeVarint(f.Raw)
		head := f.Raw[:n]
		if n > protowire.SizeVarint(tag) && !yield(slices.Concat(protowire.AppendVarint(nil, tag), f.Raw[n:])) {
			return
		}
		switch f.Type {
		case protowire.VarintType:
			v, m := protowire.ConsumeVarint(f.Value)
			for _, v := range []uint64{v, 0, 1} {
				if protowire.SizeVarint(v) < m && !yield(protowire.AppendVarint(slices.Clip(head), v)) {
					return
				}
			}
		case protowire.BytesType:
			width := len(f.Raw) - n - len(f.Value)
			if width == protowire.SizeVarint(uint64(len(f.Value))) {
				width = 0
			} else if !yield(protowire.AppendBytes(slices.Clip(head), f.Value)) {
				return
			}
			for _, values := range []iter.Seq[[]byte]{shorter(f.Value), Of(f.Value)} {
				for value := range values {
					if !yield(slices.Concat(head, wire.WideVarint(uint64(len(value)), width), value)) {
						return
					}
				}
			}
		case protowire.StartGroupType:
			body, _ := protowire.ConsumeGroup(f.Num, f.Raw[n:])
			end := f.Raw[n+len(body):]
			for value := range Of(body) {
				if !yield(slices.Concat(head, value, end)) {
					return
				}
			}
		}
	}
}

// shorter yields b with less in it: nothing, either half, and without its ends.
func shorter(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(b) == 0 {
			return
		}
		half := len(b) / 2
		for _, c := range [][]byte{nil, b[half:], b[:half], b[1:], b[:len(b)-1]} {
			if len(c) < len(b) && !yield(c) {
				return
			}
		}
	}
}
