// Package stdin says what the bytes on a shim's standard input say of
// themselves: which of the two messages they are, and what stands where in it.
//
// It reads the wire format only. No decoder is asked, and no answer is given:
// that is package reference's.
package stdin

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/wire"
)

// IsBootstrap reports whether a field that only BootstrapParams has stands at
// the top level, with the wire type it has there (docs/contract.md, R3).
func IsBootstrap(b []byte) bool {
	fields, _ := wire.Parse(b)
	for _, f := range fields {
		want := protowire.BytesType
		if f.Num == 3 {
			want = protowire.VarintType
		}
		if f.Num >= 3 && f.Num <= 9 && f.Type == want {
			return true
		}
	}
	return false
}

// AnyParts returns the type URL and the value that b has when read as an Any,
// whether or not it is one.
func AnyParts(b []byte) (url string, value []byte) {
	fields, _ := wire.Parse(b)
	for _, f := range fields {
		switch {
		case f.Type == protowire.BytesType && f.Num == 1:
			url = string(f.Value)
		case f.Type == protowire.BytesType && f.Num == 2:
			value = f.Value
		}
	}
	return url, value
}

// TypeName is the full name of the message that a type URL names.
func TypeName(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

// OptionsBytes returns what stands in the place of Options in b: the value of an
// Any, or that of the first extension. It is never nil.
func OptionsBytes(b []byte) []byte {
	for _, a := range anys(b) {
		_, value := AnyParts(a)
		return append([]byte{}, value...)
	}
	return []byte{}
}

// Holds reports whether b has options of a type, which is given by its full name,
// and whether their bytes are well-formed protobuf. In an Any they are its value,
// in BootstrapParams an extension's; the first one decides. It does not check the
// rest of b.
func Holds(b []byte, name string) (holds, wellFormed bool) {
	for _, a := range anys(b) {
		if url, value := AnyParts(a); TypeName(url) == name {
			_, rest := wire.Parse(value)
			return true, len(rest) == 0
		}
	}
	return false, false
}

// anys is every Any in which options may stand: b itself, or the extensions'.
func anys(b []byte) (all [][]byte) {
	if !IsBootstrap(b) {
		return [][]byte{b}
	}
	fields, _ := wire.Parse(b)
	for _, f := range fields {
		if f.Num == 8 && f.Type == protowire.BytesType {
			all = append(all, firstBytes(f.Value))
		}
	}
	return all
}

// firstBytes is the first length-delimited field of a message.
func firstBytes(b []byte) []byte {
	fields, _ := wire.Parse(b)
	for _, f := range fields {
		if f.Type == protowire.BytesType {
			return f.Value
		}
	}
	return nil
}
