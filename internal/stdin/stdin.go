// Package stdin says what the bytes on a shim's standard input say of
// themselves: which of the two messages they are, and what stands where in it.
//
// It reads the wire format only. No decoder is asked, and no answer is given:
// that is package reference's.
package stdin

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/wire"
)

// IsBootstrap reports whether a field that only BootstrapParams has stands at
// the top level, with the wire type it has there (docs/contract.md, R3).
func IsBootstrap(b []byte) bool {
	fields, _ := wire.Parse(b)
	return slices.ContainsFunc(fields, func(f wire.Field) bool {
		return (f.Num == 3 && f.Type == protowire.VarintType) ||
			(f.Num >= 4 && f.Num <= 9 && f.Type == protowire.BytesType)
	})
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
	for _, a := range Anys(b) {
		_, value := AnyParts(a)
		return append([]byte{}, value...)
	}
	return []byte{}
}

// Anys is every Any in which options may stand: b itself, or those of the extensions.
func Anys(b []byte) (all [][]byte) {
	if !IsBootstrap(b) {
		return [][]byte{b}
	}
	fields, _ := wire.Parse(b)
	for _, f := range fields {
		if f.Num == 8 && f.Type == protowire.BytesType {
			inside, _ := AnyParts(f.Value) // the Any is field 1, as a type URL is
			all = append(all, []byte(inside))
		}
	}
	return all
}

// MaxIdentifier is the longest identifier that containerd accepts, in bytes.
const MaxIdentifier = 76

// IsIdentifier reports whether containerd accepts s as a container ID or a namespace
// (github.com/containerd/containerd/v2/pkg/identifiers): letters and digits, in words that
// one of three signs separates. Everybody else, the reference included, has a regular
// expression, so that this is a check of those.
func IsIdentifier(s string) bool {
	inWord := false
	for _, c := range []byte(s) {
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (!inWord || !strings.ContainsRune("._-", rune(c))) {
			return false
		}
		inWord = letter
	}
	return inWord && len(s) <= MaxIdentifier
}
