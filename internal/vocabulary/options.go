package vocabulary

import (
	"fmt"
	"math"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

var (
	optionsDescriptor = (*options.Options)(nil).ProtoReflect().Descriptor()
	fields            = optionsDescriptor.Fields()
)

// known returns e as one that sets a field of Options. Where the Options under test
// lack the field, a reader knows nothing of it.
func known(num protowire.Number, value any, e Element) Element {
	fd := fields.ByNumber(num)
	if fd == nil {
		return e
	}
	switch v := value.(type) {
	case int32:
		if e.says.value = protoreflect.ValueOfInt32(v); fd.Kind() == protoreflect.EnumKind {
			e.says.value = protoreflect.ValueOfEnum(protoreflect.EnumNumber(v))
		}
	default:
		e.says.value = protoreflect.ValueOf(value)
	}
	e.says.field = num
	return e
}

// optionsElements are those of Options: each field that it has, over its range.
func optionsElements() (list []Element) {
	for i := range fields.Len() {
		fd := fields.Get(i)
		num := fd.Number()
		switch {
		case fd.IsMap():
			list = append(list, entries(num)...)
			list = append(list, otherType(num, protowire.BytesType)...)
		case fd.IsList():
		case fd.Kind() == protoreflect.BoolKind:
			list = append(list, bools(num)...)
			list = append(list, otherType(num, protowire.VarintType)...)
		case fd.Kind() == protoreflect.EnumKind, fd.Kind() == protoreflect.Int32Kind:
			list = append(list, numbers(num)...)
			list = append(list, otherType(num, protowire.VarintType)...)
		case fd.Kind() == protoreflect.StringKind:
			list = append(list, strs(num)...)
			list = append(list, otherType(num, protowire.BytesType)...)
		}
	}
	return list
}

func bools(num protowire.Number) (list []Element) {
	add := func(value bool, name, rules string, p wire.Part) {
		list = append(list, known(num, value, part(fmt.Sprintf("field %d %s", num, name), rules, p)))
	}
	add(true, "true", "", wire.Varint(num, 1))
	add(false, "false", "default", wire.Varint(num, 0))
	if num != 1 && num != 20 { // one without presence and the one with it stand for the others
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
		add(value, name, "over-64-bits", wire.Raw(append(tag[:len(tag):len(tag)], wire.Message{over64(low, last)}.Encode()...)))
		list[len(list)-1].Freedom = "over-64-bits"
	}
	over(false, "of 2^64", 0x80, 2)
	over(true, "of 2^64+2^63", 0x80, 3)
	over(true, "of all 70 bits", 0xff, 0x7f)
	return list
}

func numbers(num protowire.Number) (list []Element) {
	add := func(value int32, name, rules string, p wire.Part) *Element {
		list = append(list, known(num, value, part(fmt.Sprintf("field %d %s", num, name), rules, p)))
		return &list[len(list)-1]
	}
	combined := map[int32]bool{0: true, 1: true, -1: true}
	for _, v := range Int32s {
		rules := ""
		if v == 0 {
			rules = "default"
		}
		add(v, fmt.Sprintf("of %d", v), rules, wire.Int(num, int64(v))).Alone = !combined[v]
	}
	add(-1, "of -1 in 5 bytes", "varint", wire.Varint(num, math.MaxUint32)).Alone = true
	add(1, "of 2^32+1", "varint", wire.Varint(num, 1<<32|1)).Alone = true
	add(0, "of 2^32", "varint", wire.Varint(num, 1<<32)).Alone = true
	add(1, "of 2^63+1", "varint", wire.Varint(num, 1<<63|1)).Alone = true
	add(2, "of 2 in 10 bytes", "varint", wire.Varint(num, 2).Wide(10)).Alone = true
	return list
}

func strs(num protowire.Number) (list []Element) {
	add := func(name, rules, s string) *Element {
		e := known(num, s, text(num, fmt.Sprintf("field %d %s", num, name), rules, s))
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
	for _, bad := range NotUTF8 {
		e := add("utf8-"+bad.Name, "M11", bad.Text)
		e.Kind, e.says, e.Alone = Fault, said{}, num != 5
	}
	for _, n := range Sizes {
		list = append(list,
			part(fmt.Sprintf("field %d utf8-behind %d bytes", num, n), "M11", wire.String(num, strings.Repeat("x", n)+"\xff")).fault().alone(),
			part(fmt.Sprintf("field %d utf8-before %d bytes", num, n), "M11", wire.String(num, "\xff"+strings.Repeat("x", n))).fault().alone())
	}
	if num != 5 { // it stands for the others
		return list
	}
	value := list[0]
	wide := func(name, rules string, p wire.Part) Element {
		return part(fmt.Sprintf("field %d %s", num, name), rules, p).saying(value)
	}
	p := wire.String(num, value.says.text)
	return append(list, wide("with its tag in 5 bytes", "varint", p.WideTag(5)), wide("with its length in 5 bytes", "varint", p.Wide(5)),
		wide("with its tag in 6 bytes", "wide-tag", p.WideTag(6)).free("wide-tag"),
		wide("with its length in 6 bytes", "wide-tag", p.Wide(6)).free("wide-tag"),
		wide("with its length in 10 bytes", "wide-tag", p.Wide(10)).free("wide-tag"))
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
		part("annotation with its tag in 7 bytes", "wide-tag", wire.String(num, one.says.text).WideTag(7)).saying(one).free("wide-tag"),
		message(num, "annotation whose value is a varint, and then text", text(1, "key", "", "k"), otherType(2, protowire.BytesType)[0], text(2, "value", "", "v")),
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
func notUTF8(l Level) (list []Element) {
	for _, bad := range NotUTF8 {
		num, kind := protowire.Number(1), Fault
		switch l {
		case Options:
			num = 3
		case Legacy:
			kind = Open
		case Group:
			return nil
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
