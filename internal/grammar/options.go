package grammar

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// valueOf is what a varint, or a text, says as the value of a field.
func valueOf(kind protoreflect.Kind, n uint64, s string) protoreflect.Value {
	switch kind {
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
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(n)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(s))
	}
	return protoreflect.ValueOfString(s)
}

// setEntry sets an entry of a map from strings to strings.
func setEntry(m protoreflect.Message, fd protoreflect.FieldDescriptor, key, value string) {
	m.Mutable(fd).Map().Set(protoreflect.ValueOfString(key).MapKey(), protoreflect.ValueOfString(value))
}

// set is a token that sets a field to a text, or to a number where it is of that type.
func set(fd protoreflect.FieldDescriptor, s string, n uint64) Token {
	if isVarint(fd) {
		return varint(fd.Number(), string(fd.Name()), "", n)
	}
	return text(fd.Number(), string(fd.Name()), "", s)
}

// optionsTokens are those of Options: each field that it has, over its range. The first bool
// of those with presence stands for the others, and so does the first one without.
func (g *Grammar) optionsTokens() (list []Token) {
	seen := make(map[bool]bool) // bools, by their presence
	for _, o := range g.options {
		typ := protowire.BytesType
		switch {
		case o.IsMap():
			list = append(list, entries(o.num)...)
			list = append(list, each(faultsOf(Entry, g.sites[Entry]), func(f Token) Token {
				return message(o.num, "annotation damaged by "+f.Name, "", text(1, "", "", usualKey), f).single()
			})...)
		case !isVarint(o):
			list = append(list, strs(o, o.num == g.sites[Options].bytes)...)
		case o.kind == protoreflect.BoolKind:
			list, typ = append(list, bools(o.num, !seen[o.presence])...), protowire.VarintType
			seen[o.presence] = true
		default:
			list, typ = append(list, numbers(o.num)...), protowire.VarintType
		}
		list = append(list, otherType(o.num, typ)...)
	}
	return list
}

// bools are both values, and every encoding of them for the field that stands for others.
func bools(num protowire.Number, stands bool) []Token {
	is := func(n uint64, name, rules string, encoded ...wire.Part) Token {
		return varint(num, fmt.Sprintf("field %d %s", num, name), rules, n, encoded...)
	}
	yes := is(1, "true", "")
	list := []Token{yes, is(0, "false", "default")}
	if !stands {
		return list
	}
	list = append(list, is(2, "of 2", "varint"), is(1<<32, "of 2^32", "varint"), is(1<<63, "of 2^63", "varint"),
		is(0, "false in 2 bytes", "varint", wire.Varint(num, 0).Wide(2)),
		is(0, "false in 10 bytes", "varint", wire.Varint(num, 0).Wide(10)),
		is(1, "true in 10 bytes", "varint", wire.Varint(num, 1).Wide(10)))
	list = append(list, yes.wide(fmt.Sprintf("field %d", num), width{"tag", widestTag}, width{"tag", 6},
		width{"tag", 10})...)
	over := func(n uint64, name string, low, last byte) Token {
		tag := wire.Tag(uint64(num), protowire.VarintType)
		return is(n, name, "over-64-bits", tag, over64(low, last)).free("over-64-bits")
	}
	return append(list, over(0, "of 2^64", 0x80, 2), over(1, "of 2^64+2^63", 0x80, 3),
		over(1, "of all 70 bits", 0xff, 0x7f))
}

// numbers are values at the edges, of which a few are combined, and encodings of them.
func numbers(num protowire.Number) (list []Token) {
	of := func(n uint64, name, rules string, encoded ...wire.Part) Token {
		return varint(num, fmt.Sprintf("field %d of %s", num, name), rules, n, encoded...).single()
	}
	for _, n := range int32s {
		t := of(uint64(n), fmt.Sprint(n), "")
		if t.Single = n < -1 || n > 1; n == 0 {
			t.Rules = "default"
		}
		list = append(list, t)
	}
	return append(list, of(math.MaxUint32, "-1 in 5 bytes", "varint"), of(1<<32|1, "2^32+1", "varint"),
		of(1<<31, "2^31", "varint"), of(1<<31+1, "2^31+1", "varint"), of(1<<63-1, "2^63-1", "varint"),
		of(1<<32, "2^32", "varint"), of(1<<63|1, "2^63+1", "varint"),
		of(2, "2 in 10 bytes", "varint", wire.Varint(num, 2).Wide(10)))
}

// notUTF8 are a field of each text that is not UTF-8.
func notUTF8(num protowire.Number, name string) (list []Token) {
	for _, bad := range invalidUTF8 {
		list = append(list, text(num, name+"utf8-"+bad.Name, "M11", bad.Text))
	}
	return list
}

// strs are strings, and bytes. One such field stands for the others.
func strs(o field, stands bool) []Token {
	name := fmt.Sprintf("field %d", o.num)
	value := text(o.num, name+" of a text", "", "value")
	list := []Token{value, text(o.num, name+" empty", "default", "")}
	if o.kind == protoreflect.StringKind {
		bad := notUTF8(o.num, name+" ")
		if !stands {
			bad = each(bad, Token.single)
		}
		list = append(list, each(bad, Token.fault)...)
	}
	if stands {
		list = append(list, value.wide(name, slices.Concat(tagAndLength, []width{{"length", 10}})...)...)
	}
	return list
}

// entries are annotations.
func entries(num protowire.Number) []Token {
	key := func(s string) Token { return text(1, "key", "", s) }
	value := func(s string) Token { return text(2, "value", "", s) }
	entry := func(k, v string) Token { return annotation(num, k, v) }
	one, empty := entry("k", "v"), entry("l", "")
	empty.Rules = "default"
	list := []Token{
		one, entry("k", "w"), empty, message(num, "annotation without a value", "default", key("k")),
		message(num, "annotation without a key", "default", value("v")), message(num, "empty annotation", "default"),
	}
	list = append(list, one.wide("annotation", width{"tag", 7})...)
	list = append(list, message(num, "annotation whose value is a varint, and then text", "", key("k"),
		otherType(2, protowire.BytesType)[0], value("v")))
	for _, n := range Counts {
		many := make([]Token, n)
		for i := range many {
			many[i] = entry(fmt.Sprintf("key-%d", i), fmt.Sprintf("value-%d", i))
		}
		list = append(list, block(fmt.Sprintf("%d annotations", n), "S2", many...))
	}
	for _, keys := range equated {
		list = append(list, block(fmt.Sprintf("the keys %+q and %+q", keys[0], keys[1]), "S1", entry(keys[0], "1"),
			entry(keys[1], "2")))
	}
	return list
}

// entryTokens are those of the key of an annotation, or of its value.
func entryTokens(num protowire.Number, name string) []Token {
	one := text(num, name, "", name[:1])
	return slices.Concat(
		[]Token{one, text(num, "another "+name, "repeat", "other"), text(num, "empty "+name, "default", "")},
		each(notUTF8(num, name+" "), Token.fault),
		otherType(num, protowire.BytesType),
		one.wide(name, tagAndLength[:2]...))
}
