package stdin

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	_ "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options" // is linked
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// Family names the message that b is by the contract, and describes it.
func Family(in contract.Input, b []byte) (name string, md protoreflect.MessageDescriptor) {
	if in == contract.Stdin && IsBootstrap(b) {
		return "BootstrapParams", (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor()
	}
	name, md = "a legacy Any", (*anypb.Any)(nil).ProtoReflect().Descriptor()
	if in == contract.Create {
		name = "CreateTaskRequest.Options, an Any"
	}
	return name, md
}

// Field returns the name of a message's field, and what it holds if that is a message: the
// value of an Any one of the type that a type URL names, if that is linked.
func Field(md protoreflect.MessageDescriptor, num protowire.Number,
	url string) (name string, inner protoreflect.MessageDescriptor) {
	if md == nil || md.Fields().ByNumber(num) == nil {
		return "?", nil
	}
	fd := md.Fields().ByNumber(num)
	name, inner = string(fd.Name()), fd.Message()
	if isValue(md, num) {
		if mt, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(TypeName(url))); err == nil {
			inner = mt.Descriptor()
		}
	}
	return name, inner
}

// isValue reports whether a field is the value of an Any.
func isValue(md protoreflect.MessageDescriptor, num protowire.Number) bool {
	return md != nil && md.FullName() == "google.protobuf.Any" && num == 2
}

// maxLines and maxDepth keep the dump of a huge or deeply nested message on a screen.
const (
	maxLines = 60
	maxDepth = 16
)

// DumpAs shows a message as a table: offset, field number and name, wire type,
// value, and which varints are wider than they need to be. Messages that md or an
// Any's type URL announce are shown inside. A message that breaks off is shown as
// far as it can be read, then the fault.
func DumpAs(b []byte, md protoreflect.MessageDescriptor) string {
	if len(b) == 0 {
		return "  (no bytes)\n"
	}
	d := dumped(b, md)
	if d.lines > maxLines {
		fmt.Fprintf(&d.out, "        … of %d lines\n", d.lines)
	}
	return d.out.String()
}

func dumped(b []byte, md protoreflect.MessageDescriptor) *dumper {
	d := new(dumper)
	d.message(b, md, 0, 0)
	return d
}

// Rules are the ids of the rules of docs/contract.md that decide on a payload, given the right answer: which
// message it is, and what is wrong with it if anything is.
func Rules(in contract.Input, b []byte, want contract.Kind) []string {
	_, md := Family(in, b)
	_, rest := wire.Parse(b)
	rule := "R4a"
	switch {
	case want == contract.Read:
		return []string{"R1"}
	case in == contract.Create:
		rule = cmp.Or(map[contract.Kind]string{contract.None: "C1", contract.Foreign: "C3"}[want], "C2")
	case len(b) == 0:
		rule = "R1"
	case len(rest) > 0:
		rule = "R2"
	case IsBootstrap(b):
		rule = "R3"
	case want == contract.None:
		rule = "R4b"
	case want == contract.Foreign:
		rule = "R4c"
	}
	if d := dumped(b, md); want == contract.Malformed && d.fault != "" {
		return []string{rule, d.fault}
	}
	return []string{rule}
}

type dumper struct {
	out   strings.Builder
	lines int
	fault string // the id of the first fault
}

func (d *dumper) printf(offset, depth int, format string, args ...any) {
	fmt.Fprintf(&d.out, "  %5d %s%s\n", offset, strings.Repeat("  ", depth), fmt.Sprintf(format, args...))
}

func (d *dumper) message(b []byte, md protoreflect.MessageDescriptor, base, depth int) {
	fields, rest := wire.Parse(b)
	url, _ := AnyParts(b)
	for _, f := range fields {
		name, inner := Field(md, f.Num, url)
		if depth >= maxDepth || f.Type != protowire.BytesType {
			inner = nil
		}
		if d.lines++; d.lines <= maxLines {
			d.printf(base+f.Offset, depth, "%d %s: %s", f.Num, name, show(f, inner))
		}
		d.broken(base+f.Offset, depth, valueFault(md, f), f.Raw)
		if body := inside(f, inner); body != nil && depth < maxDepth {
			before := d.fault
			d.message(body, inner, base+f.Offset+len(f.Raw)-len(f.Value), depth+1)
			if isValue(md, f.Num) && TypeName(url) != contract.OptionsName { // whose damage decides nothing
				d.fault = before
			}
		}
	}
	if len(rest) > 0 {
		d.broken(base+len(b)-len(rest), depth, wireFault(rest), rest)
	}
}

// broken shows a fault, if it is one, and the first one also where the message is too long to be shown.
func (d *dumper) broken(offset, depth int, f fault, b []byte) {
	if f.id == "" {
		return
	}
	if d.lines++; d.lines <= maxLines || d.fault == "" {
		d.printf(offset, depth, "!! %s: %s", f.text, short(b))
	}
	d.fault = cmp.Or(d.fault, f.id)
}

// inside is what is in a field if that is to be shown as a message: a group, or one of a known type.
func inside(f wire.Field, inner protoreflect.MessageDescriptor) []byte {
	if f.Type == protowire.StartGroupType {
		body, _ := protowire.ConsumeGroup(f.Num, f.Value)
		return body
	}
	if inner == nil {
		return nil
	}
	return f.Value
}

// show returns the text for a field, which may hold a message.
func show(f wire.Field, inner protoreflect.MessageDescriptor) string {
	tag, n := protowire.ConsumeVarint(f.Raw)
	frame := wide(", tag", tag, n)
	switch f.Type {
	case protowire.VarintType:
		v, n := protowire.ConsumeVarint(f.Value)
		text := fmt.Sprintf("varint %d", v)
		if int64(v) < 0 {
			text += fmt.Sprintf(" (%d)", int64(v))
		}
		return text + wide("", v, n) + frame
	case protowire.StartGroupType:
		body := inside(f, nil)
		end := protowire.EncodeTag(f.Num, protowire.EndGroupType)
		frame += wide(", end tag", end, len(f.Value)-len(body))
		return fmt.Sprintf("group, %d bytes%s", len(body), frame)
	case protowire.BytesType:
		frame += wide(", length", uint64(len(f.Value)), len(f.Raw)-n-len(f.Value))
		if inner != nil {
			return fmt.Sprintf("%d bytes, %s%s", len(f.Value), inner.FullName(), frame)
		}
		return fmt.Sprintf("%d bytes %s%s", len(f.Value), short(f.Value), frame)
	}
	return fmt.Sprintf("fixed %x%s", f.Value, frame)
}

// wide says in how many bytes a varint is written, if that is more than necessary.
func wide(what string, v uint64, n int) string {
	if n == protowire.SizeVarint(v) {
		return ""
	}
	return fmt.Sprintf("%s in %d bytes", what, n)
}

// fault is what is wrong with a message: a rule of docs/contract.md (M1 to M11), and a text.
type fault struct{ id, text string }

func faulty(id, format string, args ...any) fault { return fault{id, fmt.Sprintf(format, args...)} }

// valueFault is what is wrong with a field that can be read, if anything is.
func valueFault(md protoreflect.MessageDescriptor, f wire.Field) fault {
	if f.Num > protowire.MaxValidNumber { // which protowire accepts in a group
		return faulty("M4", "field number %d does not exist", f.Num)
	}
	if md != nil && f.Type == protowire.BytesType && !utf8.Valid(f.Value) {
		if fd := md.Fields().ByNumber(f.Num); fd != nil && fd.Kind() == protoreflect.StringKind {
			return fault{"M11", "not UTF-8"}
		}
	}
	return fault{}
}

// wireFault says why no field can be read from the start of b: in protowire's words, but for a length.
func wireFault(b []byte) fault {
	num, typ, n := protowire.ConsumeTag(b)
	switch tag, _ := protowire.ConsumeVarint(b); {
	case n < 0 && tag > 0 && tag < 8, n < 0 && b[0] == 0:
		return fault{"M3", "field number 0 does not exist"}
	case n < 0:
		return faulty(faultIDs[-n], "tag: %s", parseError(n))
	case num > protowire.MaxValidNumber:
		return faulty("M4", "field number %d does not exist", num)
	case typ == protowire.EndGroupType:
		return faulty("M7", "end of group %d, which has not begun", num)
	}
	b = b[n:]
	if length, n := protowire.ConsumeVarint(b); typ == protowire.BytesType && n > 0 {
		return faulty("M6", "field %d: length %d, but %d bytes left", num, length, len(b)-n)
	}
	n = protowire.ConsumeFieldValue(num, typ, b)
	id := faultIDs[-n]
	switch {
	case typ == protowire.StartGroupType && id == "M1":
		id = "M8"
	case typ == protowire.VarintType && id == "M5" && b[9] < 0x80:
		id = "over-64-bits"
	}
	return faulty(id, "field %d, wire type %d: %s", num, typ, parseError(n))
}

// faultIDs are the rules that protowire's negative error codes stand for.
var faultIDs = []string{1: "M1", 2: "M4", 3: "M5", 4: "M2", 5: "M9", 6: "M10"}

// parseError is protowire's, without its prefix, of which each binary has one of two forms.
func parseError(n int) string {
	return strings.TrimLeft(strings.TrimPrefix(protowire.ParseError(n).Error(), "proto:"), " \u00a0")
}

// short shows bytes as text where they are text, else as hexadecimal digits.
func short(b []byte) string {
	const maxBytes = 48
	more := ""
	if len(b) > maxBytes {
		b, more = b[:maxBytes], "…"
	}
	if !utf8.Valid(b) || strings.ContainsFunc(string(b), func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%x%s", b, more)
	}
	return fmt.Sprintf("%q%s", b, more)
}
