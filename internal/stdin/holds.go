package stdin

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/wire"
)

// Holds reports whether b has options of a type, which is given by its full name,
// and whether their bytes are well-formed protobuf. In an Any they are its value,
// in BootstrapParams an extension's; the first one decides. It does not check the
// rest of b.
func Holds(b []byte, name string) (holds, wellFormed bool) {
	if !IsBootstrap(b) {
		return anyHolds(b, name)
	}
	fields, _ := wire.Parse(b)
	for _, f := range fields {
		if f.Num != 8 || f.Type != protowire.BytesType {
			continue
		}
		if holds, wellFormed := anyHolds(firstBytes(f.Value), name); holds {
			return true, wellFormed
		}
	}
	return false, false
}

func anyHolds(b []byte, name string) (holds, wellFormed bool) {
	url, value := AnyParts(b)
	if url[strings.LastIndexByte(url, '/')+1:] != name {
		return false, false
	}
	_, rest := wire.Parse(value)
	return true, len(rest) == 0
}
