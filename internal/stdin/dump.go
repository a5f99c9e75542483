package stdin

import (
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

// field returns the name of a message's field, and what it holds if that is a message: the
// value of an Any one of the type that a type URL names, if that is linked.
func field(md protoreflect.MessageDescriptor, num protowire.Number,
	url string) (name string, inner protoreflect.MessageDescriptor) {
	if md == nil || md.Fields().ByNumber(num) == nil {
		return "?", nil
	}
	fd := md.Fields().ByNumber(num)
	name, inner = string(fd.Name()), fd.Message()
	if fd.FullName() == "google.protobuf.Any.value" {
		if mt, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(TypeName(url))); err == nil {
			inner = mt.Descriptor()
		}
	}
	return name, inner
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
	lines := dump(b, md, 0, 0)
	if more := len(lines) - maxLines; more > 0 {
		lines = append(lines[:maxLines], fmt.Sprintf("        … %d more lines", more))
	}
	return strings.Join(lines, "\n") + "\n"
}

// dump is a line for each field of a message that stands at an offset, and at a depth.
func dump(b []byte, md protoreflect.MessageDescriptor, base, depth int) (lines []string) {
	add := func(offset int, text string) {
		lines = append(lines, fmt.Sprintf("  %5d %s%s", base+offset, strings.Repeat("  ", depth), text))
	}
	fields, rest := wire.Parse(b)
	url, _ := AnyParts(b)
	for _, f := range fields {
		name, inner := field(md, f.Num, url)
		if depth >= maxDepth || f.Type != protowire.BytesType {
			inner = nil
		}
		text, body := show(f, inner)
		add(f.Offset, fmt.Sprintf("%d %s: %s", f.Num, name, text))
		if body != nil && depth < maxDepth {
			lines = append(lines, dump(body, inner, base+f.Offset+len(f.Raw)-len(f.Value), depth+1)...)
		}
	}
	if len(rest) > 0 {
		add(len(b)-len(rest), fmt.Sprintf("!! %s: %s", fault(rest), short(rest)))
	}
	return lines
}

// show returns the text for a field, and what is in it if that is to be shown as a
// message: a group, or one of a known type.
func show(f wire.Field, inner protoreflect.MessageDescriptor) (text string, body []byte) {
	tag, n := protowire.ConsumeVarint(f.Raw)
	frame := wide(", tag", tag, n)
	switch f.Type {
	case protowire.VarintType:
		v, n := protowire.ConsumeVarint(f.Value)
		text = fmt.Sprintf("varint %d", v)
		if int64(v) < 0 {
			text += fmt.Sprintf(" (%d)", int64(v))
		}
		return text + wide("", v, n) + frame, nil
	case protowire.StartGroupType:
		body, _ = protowire.ConsumeGroup(f.Num, f.Value)
		end := protowire.EncodeTag(f.Num, protowire.EndGroupType)
		frame += wide(", end tag", end, len(f.Value)-len(body))
		return fmt.Sprintf("group, %d bytes%s", len(body), frame), body
	case protowire.BytesType:
		frame += wide(", length", uint64(len(f.Value)), len(f.Raw)-n-len(f.Value))
		if inner != nil {
			return fmt.Sprintf("%d bytes, %s%s", len(f.Value), inner.FullName(), frame), f.Value
		}
		return fmt.Sprintf("%d bytes %s%s", len(f.Value), short(f.Value), frame), nil
	}
	return fmt.Sprintf("fixed %x%s", f.Value, frame), nil
}

// wide says in how many bytes a varint is written, if that is more than necessary.
func wide(what string, v uint64, n int) string {
	if n == protowire.SizeVarint(v) {
		return ""
	}
	return fmt.Sprintf("%s in %d bytes", what, n)
}

// fault says why no field can be read from the start of b: in protowire's words, but for a
// length.
func fault(b []byte) string {
	num, typ, n := protowire.ConsumeTag(b)
	switch {
	case n < 0:
		return "tag: " + parseError(n)
	case num > protowire.MaxValidNumber:
		return fmt.Sprintf("tag: field number %d does not exist", num)
	}
	b = b[n:]
	if length, n := protowire.ConsumeVarint(b); typ == protowire.BytesType && n > 0 {
		return fmt.Sprintf("field %d: length %d, but %d bytes left", num, length, len(b)-n)
	}
	return fmt.Sprintf("field %d, wire type %d: %s", num, typ, parseError(protowire.ConsumeFieldValue(num, typ, b)))
}

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
