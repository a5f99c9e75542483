package wire

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxDumpLines and maxDumpDepth keep the dump of a huge or deeply nested
// message on a screen.
const (
	maxDumpLines = 60
	maxDumpDepth = 16
)

// Schema names what an Any holds by its type URL; nil means unknown.
type Schema func(typeURL string) protoreflect.MessageDescriptor

// Dump shows a message as a table: offset, field number and name, wire type,
// value, and which varints are wider than they need to be. Messages that md or an
// Any's type URL announce are shown inside. A message that breaks off is shown as
// far as it can be read, then the fault.
func Dump(b []byte, md protoreflect.MessageDescriptor, schema Schema) string {
	d := &dumper{schema: schema}
	d.message(b, md, 0, 0)
	if d.lines > maxDumpLines {
		fmt.Fprintf(&d.out, "        … %d more lines\n", d.lines-maxDumpLines)
	}
	if len(b) == 0 {
		return "  (no bytes)\n"
	}
	return d.out.String()
}

type dumper struct {
	out    strings.Builder
	schema Schema
	lines  int
}

func (d *dumper) printf(offset, depth int, format string, args ...any) {
	if d.lines++; d.lines > maxDumpLines {
		return
	}
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(&d.out, "  %5d %s%s\n", offset, strings.Repeat("  ", depth), line)
}

func (d *dumper) message(b []byte, md protoreflect.MessageDescriptor, base, depth int) {
	fields, rest := Parse(b)
	var typeURL string
	for _, f := range fields {
		if isAny(md) && f.Num == 1 && f.Type == protowire.BytesType {
			typeURL = string(f.Value)
		}
	}
	for _, f := range fields {
		var fd protoreflect.FieldDescriptor
		if md != nil {
			fd = md.Fields().ByNumber(f.Num)
		}
		var inner protoreflect.MessageDescriptor // that the field holds, if that is known
		switch {
		case depth >= maxDumpDepth:
		case isAny(md) && f.Num == 2 && d.schema != nil:
			inner = d.schema(typeURL)
		case fd != nil:
			inner = fd.Message()
		}
		d.field(f, fd, inner, base+f.Offset, depth)
	}
	if len(rest) > 0 {
		d.printf(base+len(b)-len(rest), depth, "!! %s: %s", fault(rest), short(rest))
	}
}

func isAny(md protoreflect.MessageDescriptor) bool {
	return md != nil && md.FullName() == "google.protobuf.Any"
}

func (d *dumper) field(f Field, fd protoreflect.FieldDescriptor, inner protoreflect.MessageDescriptor, at, depth int) {
	name := "?"
	if fd != nil {
		name = string(fd.Name())
	}
	line := func(format string, args ...any) {
		d.printf(at, depth, "%d %s: %s", f.Num, name, fmt.Sprintf(format, args...))
	}
	body := at + len(f.Raw) - len(f.Value)
	switch f.Type {
	case protowire.VarintType:
		v, n := protowire.ConsumeVarint(f.Value)
		line("varint %d%s%s%s", v, signed(v), wide("", v, n), wideFrame(f))
	case protowire.StartGroupType:
		inside, _ := protowire.ConsumeGroup(f.Num, f.Value)
		end := protowire.EncodeTag(f.Num, protowire.EndGroupType)
		line("group, %d bytes%s%s", len(inside), wideFrame(f), wide(", end tag", end, len(f.Value)-len(inside)))
		if depth < maxDumpDepth {
			d.message(inside, nil, body, depth+1)
		}
	case protowire.BytesType:
		if inner == nil {
			line("%d bytes %s%s", len(f.Value), short(f.Value), wideFrame(f))
			return
		}
		line("%d bytes, %s%s", len(f.Value), inner.FullName(), wideFrame(f))
		d.message(f.Value, inner, body, depth+1)
	default:
		line("fixed %s%s", hex.EncodeToString(f.Value), wideFrame(f))
	}
}

func signed(v uint64) string {
	if int64(v) >= 0 {
		return ""
	}
	return fmt.Sprintf(" (%d)", int64(v))
}

// wideFrame says of a field's tag and length if they are wider than necessary.
func wideFrame(f Field) string {
	tag, n := protowire.ConsumeVarint(f.Raw)
	text := wide(", tag", tag, n)
	if f.Type == protowire.BytesType {
		text += wide(", length", uint64(len(f.Value)), len(f.Raw)-n-len(f.Value))
	}
	return text
}

// wide says in how many bytes a varint is written, if that is more than necessary.
func wide(what string, v uint64, n int) string {
	if n == protowire.SizeVarint(v) {
		return ""
	}
	return fmt.Sprintf("%s in %d bytes", what, n)
}

// fault says why no field can be read from the start of b.
func fault(b []byte) string {
	tag, n, why := varint(b)
	num, typ := tag>>3, protowire.Type(tag&7)
	switch {
	case why != "":
		return "tag " + why
	case num == 0:
		return "field number 0 does not exist"
	case num > uint64(protowire.MaxValidNumber):
		return fmt.Sprintf("tag of 2^32 or more, field number %d does not exist", num)
	case typ == protowire.StartGroupType:
		return groupFault(protowire.Number(num), b[n:])
	case typ == protowire.EndGroupType:
		return fmt.Sprintf("end of group %d, which has not begun", num)
	}
	return fmt.Sprintf("field %d: %s", num, valueFault(typ, b[n:]))
}

// valueFault says why no value of a type can be read from the start of b.
func valueFault(typ protowire.Type, b []byte) string {
	v, n, why := varint(b)
	switch {
	case typ == protowire.VarintType:
		return "varint " + why
	case typ == protowire.Fixed32Type:
		return fmt.Sprintf("%d of 4 bytes", len(b))
	case typ == protowire.Fixed64Type:
		return fmt.Sprintf("%d of 8 bytes", len(b))
	case typ != protowire.BytesType:
		return fmt.Sprintf("wire type %d does not exist", typ)
	case why != "":
		return "length " + why
	}
	return fmt.Sprintf("length %d, but %d bytes left", v, len(b)-n)
}

// groupFault says why the group cannot be read whose start tag stands before b.
func groupFault(num protowire.Number, b []byte) string {
	open := []protowire.Number{num}
	for len(b) > 0 && len(open) > 0 {
		inner := open[len(open)-1]
		num, typ, n := protowire.ConsumeTag(b)
		switch {
		case n > 0 && typ == protowire.StartGroupType:
			open = append(open, num)
		case n > 0 && typ == protowire.EndGroupType && num != inner:
			return fmt.Sprintf("group %d ends as group %d", inner, num)
		case n > 0 && typ == protowire.EndGroupType:
			open = open[:len(open)-1]
		default:
			if _, _, n = protowire.ConsumeField(b); n < 0 {
				return fmt.Sprintf("in group %d: %s", inner, fault(b))
			}
		}
		b = b[n:]
	}
	if len(open) == 0 {
		return fmt.Sprintf("group %d holds too many levels of groups", num)
	}
	return fmt.Sprintf("group %d does not end", open[len(open)-1])
}

// varint reads a varint, or says what is wrong with it.
func varint(b []byte) (v uint64, n int, why string) {
	v, n = protowire.ConsumeVarint(b)
	switch {
	case n > 0:
		return v, n, ""
	case len(b) < maxVarint:
		return 0, 0, fmt.Sprintf("cut after %d bytes", len(b))
	case b[maxVarint-1] >= 0x80:
		return 0, 0, fmt.Sprintf("of more than %d bytes", maxVarint)
	}
	return 0, 0, "of more than 64 bits"
}

// maxVarint is the longest varint in bytes.
const maxVarint = 10

// short shows bytes as text where they are text, else as hexadecimal digits.
func short(b []byte) string {
	const maxBytes = 48
	more := ""
	if len(b) > maxBytes {
		b, more = b[:maxBytes], "…"
	}
	if printable(b) {
		return fmt.Sprintf("%q%s", b, more)
	}
	return hex.EncodeToString(b) + more
}

func printable(b []byte) bool {
	return utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool { return !unicode.IsPrint(r) })
}
