package vocabulary

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
func (v *Vocabulary) known(num protowire.Number, value protoreflect.Value, e Element) Element {
	if v.fields.ByNumber(num) != nil {
		e.says.field, e.says.value = num, value
	}
	return e
}

// set is an element that sets a field to a text, or to a number where it is of that type.
func (v *Vocabulary) set(fd protoreflect.FieldDescriptor, s string, n uint64) Element {
	if isVarint(fd) {
		return v.known(fd.Number(), valueOf(fd, n), part("", "", wire.Varint(fd.Number(), n)))
	}
	return v.known(fd.Number(), textOf(fd, s), text(fd.Number(), "", "", s))
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

// optionsElements are those of Options: each field that it has, over its range.
func (v *Vocabulary) optionsElements() (list []Element) {
	for i := range v.fields.Len() {
		fd := v.fields.Get(i)
		num := fd.Number()
		switch {
		case fd == v.entries:
			list = append(list, entries(num)...)
			list = append(list, otherType(num, protowire.BytesType)...)
		case !IsScalar(fd):
		case fd.Kind() == protoreflect.BoolKind:
			list = append(list, v.bools(fd)...)
			list = append(list, otherType(num, protowire.VarintType)...)
		case isVarint(fd):
			list = append(list, v.numbers(fd)...)
			list = append(list, otherType(num, protowire.VarintType)...)
		default:
			list = append(list, v.strs(fd)...)
			list = append(list, otherType(num, protowire.BytesType)...)
		}
	}
	return list
}

// standsFor reports whether a bool is the first one of its presence, which stands for
// the others.
func (v *Vocabulary) standsFor(fd protoreflect.FieldDescriptor) bool {
	return fd.Number() == v.numbersOf(func(other protoreflect.FieldDescriptor) bool {
		return other.Kind() == protoreflect.BoolKind && other.HasPresence() == fd.HasPresence()
	})[0]
}

func (v *Vocabulary) bools(fd protoreflect.FieldDescriptor) (list []Element) {
	num := fd.Number()
	add := func(value bool, name, rules string, p wire.Part) {
		list = append(list, v.known(num, protoreflect.ValueOfBool(value), part(fmt.Sprintf("field %d %s", num, name),
			rules, p)))
	}
	add(true, "true", "", wire.Varint(num, 1))
	add(false, "false", "default", wire.Varint(num, 0))
	if !v.standsFor(fd) {
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

func (v *Vocabulary) numbers(fd protoreflect.FieldDescriptor) (list []Element) {
	num := fd.Number()
	add := func(n uint64, name, rules string, p wire.Part) *Element {
		list = append(list, v.known(num, valueOf(fd, n), part(fmt.Sprintf("field %d %s", num, name), rules, p)))
		return &list[len(list)-1]
	}
	combined := map[int32]bool{0: true, 1: true, -1: true}
	for _, n := range Int32s {
		rules := ""
		if n == 0 {
			rules = "default"
		}
		add(uint64(n), fmt.Sprintf("of %d", n), rules, wire.Int(num, int64(n))).Alone = !combined[n]
	}
	alone := func(n uint64, name string, p wire.Part) { add(n, name, "varint", p).Alone = true }
	alone(math.MaxUint32, "of -1 in 5 bytes", wire.Varint(num, math.MaxUint32))
	alone(1<<32|1, "of 2^32+1", wire.Varint(num, 1<<32|1))
	alone(1<<32, "of 2^32", wire.Varint(num, 1<<32))
	alone(1<<63|1, "of 2^63+1", wire.Varint(num, 1<<63|1))
	alone(2, "of 2 in 10 bytes", wire.Varint(num, 2).Wide(10))
	return list
}

// strs are strings, and bytes.
func (v *Vocabulary) strs(fd protoreflect.FieldDescriptor) (list []Element) {
	num := fd.Number()
	add := func(name, rules, s string) *Element {
		e := v.known(num, textOf(fd, s), text(num, fmt.Sprintf("field %d %s", num, name), rules, s))
		list = append(list, e)
		return &list[len(list)-1]
	}
	add("of a text", "", "value")
	add("empty", "default", "")
	for _, s := range Texts {
		add("of "+short(s), "S1", s).Alone = true
	}
	for _, n := range Sizes {
		add(fmt.Sprintf("of %d bytes", n), "S2", strings.Repeat("x", n)).Alone = true
		add(fmt.Sprintf("of %d two-byte letters", n), "S2", strings.Repeat("é", n)).Alone = true
	}
	if fd.Kind() == protoreflect.StringKind {
		list = append(list, notUTF8In(num, num == v.places[Options].bytes)...)
	}
	if num != v.places[Options].bytes { // it stands for the others
		return list
	}
	value := list[0]
	wide := func(name, rules string, p wire.Part) Element {
		return part(fmt.Sprintf("field %d %s", num, name), rules, p).saying(value)
	}
	p := wire.String(num, value.says.text)
	return append(list, wide("with its tag in 5 bytes", "varint", p.WideTag(5)),
		wide("with its length in 5 bytes", "varint", p.Wide(5)),
		wide("with its tag in 6 bytes", "wide-tag", p.WideTag(6)).free("wide-tag"),
		wide("with its length in 6 bytes", "wide-tag", p.Wide(6)).free("wide-tag"),
		wide("with its length in 10 bytes", "wide-tag", p.Wide(10)).free("wide-tag"))
}

// notUTF8In are the faults of a string field of Options. One such field's are combined.
func notUTF8In(num protowire.Number, combined bool) (list []Element) {
	add := func(name, s string, alone bool) {
		e := part(fmt.Sprintf("field %d utf8-%s", num, name), "M11", wire.String(num, s)).fault()
		e.Alone = alone
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
func entries(num protowire.Number) []Element {
	entry := func(key, value string) Element {
		return message(num, fmt.Sprintf("annotation %s: %s", short(key), short(value)),
			text(1, "key", "", key), text(2, "value", "", value))
	}
	one := entry("k", "v")
	list := []Element{
		one, entry("k", "w"), entry("l", ""), message(num, "annotation without a value", text(1, "key", "", "k")),
		message(num, "annotation without a key", text(2, "value", "", "v")), message(num, "empty annotation"),
		part("annotation with its tag in 7 bytes", "wide-tag", wire.String(num,
			one.says.text).WideTag(7)).saying(one).free("wide-tag"),
		message(num, "annotation whose value is a varint, and then text", text(1, "key", "", "k"),
			otherType(2, protowire.BytesType)[0], text(2, "value", "", "v")),
	}
	for i := range list[2:6] {
		list[2+i].Rules = "default"
	}
	for _, n := range Counts {
		many := make([]Element, n)
		for i := range many {
			many[i] = entry(fmt.Sprintf("key-%d", i), fmt.Sprintf("value-%d", i))
		}
		list = append(list, block(fmt.Sprintf("%d annotations", n), "S2", many...))
	}
	return list
}

// entryElements are those of an annotation.
func entryElements() (list []Element) {
	for num, name := range []string{1: "key", 2: "value"} {
		num := protowire.Number(num)
		if num == 0 {
			continue
		}
		one := text(num, name, "", name[:1])
		list = append(list, one, text(num, "another "+name, "repeat", "other"), text(num, "empty "+name, "default", ""))
		for _, s := range Texts {
			list = append(list, text(num, name+" "+short(s), "S1", s).alone())
		}
		for _, n := range Sizes {
			list = append(list, text(num, fmt.Sprintf("%s of %d bytes", name, n), "S2", strings.Repeat("x", n)).alone())
		}
		for _, bad := range NotUTF8 {
			list = append(list, part(name+" utf8-"+bad.Name, "M11", wire.String(num, bad.Text)).fault())
		}
		list = append(list, otherType(num, protowire.BytesType)...)
		p := wire.String(num, name[:1])
		list = append(list, part(name+" with its tag in 5 bytes", "varint", p.WideTag(5)).saying(one),
			part(name+" with its length in 5 bytes", "varint", p.Wide(5)).saying(one))
	}
	return list
}

// notUTF8 are the faults of strings, in the field that stands for a level's others. A
// type URL at the top level is none where a later one overwrites it.
func notUTF8(l Level, num protowire.Number) (list []Element) {
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
