// Package smaller makes the payload of a failure smaller, field by field.
package smaller

import (
	"bytes"
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// Of yields a message with one thing in it left out or made smaller. md is nil for
// a message of which nothing is known.
func Of(b []byte, md protoreflect.MessageDescriptor, schema wire.Schema) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		fields, rest := wire.Parse(b)
		with := func(at, size int, piece []byte) bool {
			return yield(slices.Concat(b[:at], piece, b[at+size:]))
		}
		url := ""
		for _, f := range fields {
			if !with(f.Offset, len(f.Raw), nil) {
				return
			}
			if f.Num == 1 && f.Type == protowire.BytesType {
				url = string(f.Value)
			}
		}
		for _, f := range fields {
			for piece := range smallerField(f, Inner(f, md, url, schema), schema) {
				if !with(f.Offset, len(f.Raw), piece) {
					return
				}
			}
		}
		for piece := range shorter(rest) {
			if !with(len(b)-len(rest), len(rest), piece) {
				return
			}
		}
	}
}

// Inner describes the message that a field of another holds, an Any of a type URL
// included; nil if none is known.
func Inner(f wire.Field, md protoreflect.MessageDescriptor, url string,
	schema wire.Schema) protoreflect.MessageDescriptor {
	if md == nil || f.Type != protowire.BytesType {
		return nil
	}
	if f.Num == 2 && md.FullName() == "google.protobuf.Any" {
		return schema(url)
	}
	if fd := md.Fields().ByNumber(f.Num); fd != nil {
		return fd.Message()
	}
	return nil
}

// smallerField yields a field with a smaller value, or in a shorter encoding.
func smallerField(f wire.Field, md protoreflect.MessageDescriptor, schema wire.Schema) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		tag, n := protowire.ConsumeVarint(f.Raw)
		head := f.Raw[:n]
		if n > protowire.SizeVarint(tag) && !yield(append(protowire.AppendVarint(nil, tag), f.Raw[n:]...)) {
			return
		}
		switch f.Type {
		case protowire.VarintType:
			v, m := protowire.ConsumeVarint(f.Value)
			for _, smaller := range []uint64{v, 0, 1} {
				if protowire.SizeVarint(smaller) < m && !yield(protowire.AppendVarint(slices.Clip(head), smaller)) {
					return
				}
			}
		case protowire.BytesType:
			width := len(f.Raw) - n - len(f.Value)
			minimal := protowire.SizeVarint(uint64(len(f.Value)))
			if width > minimal && !yield(protowire.AppendBytes(slices.Clip(head), f.Value)) {
				return
			}
			if width == minimal {
				width = 0
			}
			values := shorter(f.Value)
			if md != nil {
				values = Of(f.Value, md, schema)
			}
			for value := range values {
				if !yield(slices.Concat(head, wire.WideVarint(uint64(len(value)), width), value)) {
					return
				}
			}
		case protowire.StartGroupType:
			body, _ := protowire.ConsumeGroup(f.Num, f.Raw[n:])
			end := f.Raw[n+len(body):]
			for value := range Of(body, nil, schema) {
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
			if len(c) < len(b) && !yield(bytes.Clone(c)) {
				return
			}
		}
	}
}
