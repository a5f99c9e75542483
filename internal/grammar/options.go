package grammar

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// known returns e as one that sets a field of Options. Where the Options under test
// lack the field, a reader knows nothing of it.
func (g *Grammar) known(num protowire.Number, value protoreflect.Value, e Token) Token {
	if g.message.Descriptor().Fields().ByNumber(num) != nil {
		e.means.field, e.means.value = num, value
	}
	return e
}

// set is a token that sets a field to a text, or to a number where it is of that type.
func (g *Grammar) set(fd protoreflect.FieldDescriptor, s string, n uint64) Token {
	if isVarint(fd) {
		return g.known(fd.Number(), valueOf(fd, n), part("", "", wire.Varint(fd.Number(), n)))
	}
	return g.known(fd.Number(), textOf(fd, s), text(fd.Number(), "", "", s))
}

// valueOf is what a varint says as the value of a field.
func valueOf(fd protoreflect.FieldDescriptor, n uint64) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n != 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	}
	return protoreflect.ValueOfUint64(n)
}

func textOf(fd protoreflect.FieldDescriptor, s string) protoreflect.Value {
	if fd.Kind() == protoreflect.BytesKind {
		return protoreflect.ValueOfBytes([]byte(s))
	}
	return protoreflect.ValueOfString(s)
}

// optionsTokens are those of Options: each field that it has, over its range.
func (g *Grammar) optionsTokens() (list []Token) {
	for _, o := range g.options {
		fd, num := o.FieldDescriptor, o.num
		switch {
		case fd == g.entries:
			list = append(list, entries(num)...)
			list = append(list, otherType(num, protowire.BytesType)...)
		case fd.Kind() == protoreflect.BoolKind:
			list = append(list, g.bools(fd)...)
			list = append(list, otherType(num, protowire.VarintType)...)
		case isVarint(fd):
			list = append(list, g.numbers(fd)...)
			list = append(list, otherType(num, protowire.VarintType)...)
		default:
			list = append(list, g.strs(fd)...)
			list = append(list, otherType(num, protowire.BytesType)...)
		}
	}
	return list
}

// standsFor reports whether a bool is the first one of its presence, which stands for
// the others.
func (g *Grammar) standsFor(fd protoreflect.FieldDescriptor) bool {
	return fd == g.scalars(func(other protoreflect.FieldDescriptor) bool {
		return other.Kind() == protoreflect.BoolKind && other.HasPresence() == fd.HasPresence()
	})[0]
}

func (g *Grammar) bools(fd protoreflect.FieldDescriptor) (list []Token) {
	num := fd.Number()
	add := func(value bool, name, rules string, p wire.Part) {
		list = append(list, g.known(num, protoreflect.ValueOfBool(value), part(fmt.Sprintf("field %d %s", num, name),
			rules, p)))
	}
	add(true, "true", "", wire.Varint(num, 1))
	add(false, "false", "default", wire.Varint(num, 0))
	if !g.standsFor(fd) {
		return list
	}
	add(true, "of 2", "varint", wire.Varint(num, 2))
	add(true, "of 2^32", "varint", wire.Varint(num, 1<<32))
	add(true, "of 2^63", "varint", wire.Varint(num, 1<<63))
	add(false, "false in 2 bytes", "varint", wire.Varint(num, 0).Wide(2))
	add(false, "false in 10 bytes", "varint", wire.Varint(num, 0).Wide(10))
	add(true, "true in 10 bytes", "varint", wire.Varint(num, 1).Wide(10))
	add(true, "with its tag in 5 bytes", "varint", wire.Varint(num, 1).WideTag(5))
	add(true, "with its tag in 6 bytes", "wide-tag", wire.Varint(num, 1).WideTag(6))
	list[len(list)-1].Freedom = "wide-tag"
	add(true, "with its tag in 10 bytes", "wide-tag", wire.Varint(num, 1).WideTag(10))
	list[len(list)-1].Freedom = "wide-tag"
	tag := wire.Message{wire.Tag(uint64(num), protowire.VarintType)}.Encode()
	over := func(value bool, name string, low, last byte) {
		add(value, name, "over-64-bits", wire.Raw(append(tag[:len(tag):len(tag)],
			wire.Message{over64(low, last)}.Encode()...)))
		list[len(list)-1].Freedom = "over-64-bits"
	}
	over(false, "of 2^64", 0x80, 2)
	over(true, "of 2^64+2^63", 0x80, 3)
	over(true, "of all 70 bits", 0xff, 0x7f)
	return list
}

func (g *Grammar) numbers(fd protoreflect.FieldDescriptor) (list []Token) {
	num := fd.Number()
	add := func(n uint64, name, rules string, p wire.Part) *Token {
		list = append(list, g.known(num, valueOf(fd, n), part(fmt.Sprintf("field %d %s", num, name), rules, p)))
		return &list[len(list)-1]
	}
	combined := map[int32]bool{0: true, 1: true, -1: true}
	for _, n := range Int32s {
		rules := ""
		if n == 0 {
			rules = "default"
		}
		add(uint64(n), fmt.Sprintf("of %d", n), rules, wire.Int(num, int64(n))).Single = !combined[n]
	}
	alone := func(n uint64, name string, p wire.Part) { add(n, name, "varint", p).Single = true }
	alone(math.MaxUint32, "of -1 in 5 bytes", wire.Varint(num, math.MaxUint32))
	alone(1<<32|1, "of 2^32+1", wire.Varint(num, 1<<32|1))
	alone(1<<32, "of 2^32", wire.Varint(num, 1<<32))
	alone(1<<63|1, "of 2^63+1", wire.Varint(num, 1<<63|1))
	alone(2, "of 2 in 10 bytes", wire.Varint(num, 2).Wide(10))
	return list
}

// strs are strings, and bytes.
func (g *Grammar) strs(fd protoreflect.FieldDescriptor) (list []Token) {
	num := fd.Number()
	add := func(name, rules, s string) *Token {
		e := g.known(num, textOf(fd, s), text(num, fmt.Sprintf("field %d %s", num, name), rules, s))
		list = append(list, e)
		return &list[len(list)-1]
	}
	add("of a text", "", "value")
	add("empty", "default", "")
	for _, s := range Texts {
		add("of "+short(s), "S1", s).Single = true
	}
	for _, n := range Sizes {
		add(fmt.Sprintf("of %d bytes", n), "S2", strings.Repeat("x", n)).Single = true
		add(fmt.Sprintf("of %d two-byte letters", n), "S2", strings.Repeat("é", n)).Single = true
	}
	if fd.Kind() == protoreflect.StringKind {
		list = append(list, notUTF8In(num, num == g.sites[Options].bytes)...)
	}
	if num != g.sites[Options].bytes { // it stands for the others
		return list
	}
	value := list[0]
	wide := func(name, rules string, p wire.Part) Token {
		return part(fmt.Sprintf("field %d %s", num, name), rules, p).like(value)
	}
	p := wire.String(num, value.means.text)
	return append(list, wide("with its tag in 5 bytes", "varint", p.WideTag(5)),
		wide("with its length in 5 bytes", "varint", p.Wide(5)),
		wide("with its tag in 6 bytes", "wide-tag", p.WideTag(6)).free("wide-tag"),
		wide("with its length in 6 bytes", "wide-tag", p.Wide(6)).free("wide-tag"),
		wide("with its length in 10 bytes", "wide-tag", p.Wide(10)).free("wide-tag"))
}

// notUTF8In are the faults of a string field of Options. One such field's are combined.
func notUTF8In(num protowire.Number, combined bool) (list []Token) {
	add := func(name, s string, alone bool) {
		e := part(fmt.Sprintf("field %d utf8-%s", num, name), "M11", wire.String(num, s)).fault()
		e.Single = alone
		list = append(list, e)
	}
	for _, bad := range NotUTF8 {
		add(bad.Name, bad.Text, !combined)
	}
	for _, n := range Sizes {
		add(fmt.Sprintf("behind %d bytes", n), strings.Repeat("x", n)+"\xff", true)
		add(fmt.Sprintf("before %d bytes", n), "\xff"+strings.Repeat("x", n), true)
	}
	return list
}

// entries are annotations.
func entries(num protowire.Number) []Token {
	entry := func(key, value string) Token {
		return message(num, fmt.Sprintf("annotation %s: %s", short(key), short(value)),
			text(1, "key", "", key), text(2, "value", "", value))
	}
	one := entry("k", "v")
	list := []Token{
		one, entry("k", "w"), entry("l", ""), message(num, "annotation without a value", text(1, "key", "", "k")),
		message(num, "annotation without a key", text(2, "value", "", "v")), message(num, "empty annotation"),
		part("annotation with its tag in 7 bytes", "wide-tag", wire.String(num,
			one.means.text).WideTag(7)).like(one).free("wide-tag"),
		message(num, "annotation whose value is a varint, and then text", text(1, "key", "", "k"),
			otherType(2, protowire.BytesType)[0], text(2, "value", "", "v")),
	}
	for i := range list[2:6] {
		list[2+i].Rules = "default"
	}
	for _, n := range Counts {
		many := make([]Token, n)
		for i := range many {
			many[i] = entry(fmt.Sprintf("key-%d", i), fmt.Sprintf("value-%d", i))
		}
		list = append(list, block(fmt.Sprintf("%d annotations", n), "S2", many...))
	}
	return list
}

// entryTokens are those of an annotation.
func entryTokens() (list []Token) {
	for num, name := range []string{1: "key", 2: "value"} {
		num := protowire.Number(num)
		if num == 0 {
			continue
		}
		one := text(num, name, "", name[:1])
		list = append(list, one, text(num, "another "+name, "repeat", "other"), text(num, "empty "+name, "default", ""))
		for _, s := range Texts {
			list = append(list, text(num, name+" "+short(s), "S1", s).single())
		}
		for _, n := range Sizes {
			list = append(list, text(num, fmt.Sprintf("%s of %d bytes", name, n), "S2",
				strings.Repeat("x", n)).single())
		}
		for _, bad := range NotUTF8 {
			list = append(list, part(name+" utf8-"+bad.Name, "M11", wire.String(num, bad.Text)).fault())
		}
		list = append(list, otherType(num, protowire.BytesType)...)
		p := wire.String(num, name[:1])
		list = append(list, part(name+" with its tag in 5 bytes", "varint", p.WideTag(5)).like(one),
			part(name+" with its length in 5 bytes", "varint", p.Wide(5)).like(one))
	}
	return list
}

// notUTF8 are the faults of strings, in the field that stands for a level's others. A
// type URL at the top level is none where a later one overwrites it.
func notUTF8(l Level, num protowire.Number) (list []Token) {
	if num == 0 {
		return nil
	}
	for _, bad := range NotUTF8 {
		kind := Fault
		if l == Legacy {
			kind = Open
		}
		p := wire.String(num, bad.Text)
		if l == Extension { // it has no string of its own; the Any in it has
			p = wire.Sub(1, p)
		}
		e := part("utf8-"+bad.Name, "M11", p)
		e.Kind = kind
		list = append(list, e)
	}
	return list
}
