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
// value. Messages that md or an Any's type URL announce are shown inside. A
// message that breaks off is shown as far as it can be read, then the fault.
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
		d.field(f, md, typeURL, base, depth)
	}
	if len(rest) > 0 {
		d.printf(base+len(b)-len(rest), depth, "!! %s: %s", fault(rest), short(rest))
	}
}

func isAny(md protoreflect.MessageDescriptor) bool {
	return md != nil && md.FullName() == "google.protobuf.Any"
}

func (d *dumper) field(f Field, md protoreflect.MessageDescriptor, typeURL string, base, depth int) {
	var fd protoreflect.FieldDescriptor
	name := "?"
	if md != nil {
		if fd = md.Fields().ByNumber(f.Num); fd != nil {
			name = string(fd.Name())
		}
	}
	head := fmt.Sprintf("%d %s", f.Num, name)
	at := base + f.Offset
	body := base + f.Offset + len(f.Raw) - len(f.Value)
	switch f.Type {
	case protowire.VarintType:
		v, n := protowire.ConsumeVarint(f.Value)
		wide := ""
		if n > protowire.SizeVarint(v) {
			wide = fmt.Sprintf(" in %d bytes", n)
		}
		d.printf(at, depth, "%s: varint %d%s%s", head, v, signed(v), wide)
	case protowire.Fixed32Type, protowire.Fixed64Type:
		d.printf(at, depth, "%s: fixed %s", head, hex.EncodeToString(f.Value))
	case protowire.StartGroupType:
		d.group(f, head, at, depth)
	case protowire.BytesType:
		inner := d.inner(fd, isAny(md) && f.Num == 2, typeURL)
		if inner == nil || depth >= maxDumpDepth {
			d.printf(at, depth, "%s: %d bytes %s", head, len(f.Value), short(f.Value))
			return
		}
		d.printf(at, depth, "%s: %d bytes, %s", head, len(f.Value), inner.FullName())
		d.message(f.Value, inner, body, depth+1)
	}
}

func (d *dumper) group(f Field, head string, at, depth int) {
	_, _, n := protowire.ConsumeTag(f.Raw)
	body, _ := protowire.ConsumeGroup(f.Num, f.Raw[n:])
	d.printf(at, depth, "%s: group, %d bytes", head, len(body))
	if depth < maxDumpDepth {
		d.message(body, nil, at+n, depth+1)
	}
}

// inner is the message that a length-delimited field holds, nil if none is known.
func (d *dumper) inner(fd protoreflect.FieldDescriptor, anyValue bool, typeURL string) protoreflect.MessageDescriptor {
	switch {
	case anyValue && d.schema != nil:
		return d.schema(typeURL)
	case fd != nil:
		return fd.Message()
	}
	return nil
}

func signed(v uint64) string {
	if int64(v) >= 0 {
		return ""
	}
	return fmt.Sprintf(" (%d)", int64(v))
}

// fault says why no field can be read from the start of b.
func fault(b []byte) string {
	tag, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return "no tag: " + reason(n)
	}
	num, typ := tag>>3, protowire.Type(tag&7)
	if num < 1 || num > uint64(protowire.MaxValidNumber) {
		return fmt.Sprintf("field number %d does not exist", num)
	}
	m := protowire.ConsumeFieldValue(protowire.Number(num), typ, b[n:])
	if m >= 0 {
		return "unreadable"
	}
	return fmt.Sprintf("field %d of wire type %d: %s", num, typ, reason(m))
}

// reason words a negative length. protobuf writes either a space or a no-break
// space after "proto:", by a hash of the running binary; a dump has the former.
func reason(n int) string {
	return strings.ReplaceAll(protowire.ParseError(n).Error(), "\u00a0", " ")
}

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
