package grammar

import (
	"slices"
	"sync"

	"google.golang.org/protobuf/reflect/protoregistry"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
)

// RegisteredNames lists the message types linked into this binary whose names
// are legal container IDs.
var RegisteredNames = sync.OnceValue(func() []string {
	first := []string{contract.OptionsName, "google.protobuf.Empty", "google.protobuf.Any"}
	var others []string
	for t := range protoregistry.GlobalTypes.RangeMessages {
		if name := string(t.Descriptor().FullName()); stdin.IsIdentifier(name) && !slices.Contains(first, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others) // the registry is a map; only a sorted list makes a seed replay
	return append(first, others...)
})

// ID draws a legal container ID, half of the time the name of a linked type.
func ID(rnd Rand) string {
	if rnd.Intn(2) == 0 {
		return pick(rnd, Identifiers)
	}
	names := RegisteredNames()
	if rnd.Intn(2) == 0 {
		return names[rnd.Intn(3)]
	}
	return pick(rnd, names)
}

// Namespace draws a legal namespace, half of the time one that is a well-formed
// protobuf message.
func Namespace(rnd Rand) string {
	switch rnd.Intn(4) {
	case 0:
		return pick(rnd, Identifiers)
	case 1:
		return pick(rnd, Namespaces)
	}
	return ProtobufNamespace(rnd)
}

// alphanumeric is what a namespace may consist of throughout.
const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// ProtobufNamespace draws a legal namespace that is a well-formed protobuf
// message. A letter or digit is a one-byte tag of field 6 to 15; its lowest
// three bits say how many more letters the field takes.
func ProtobufNamespace(rnd Rand) string {
	letters := [8]int{0: 1, 1: 8, 5: 4} // of a varint, a fixed64, a fixed32
	letter := func() byte { return alphanumeric[rnd.Intn(len(alphanumeric))] }
	b := make([]byte, 0, 80)
	for len(b) == 0 || len(b) < 60 && !oneIn(rnd, 3) {
		tag := letter()
		if letters[tag&7] == 0 {
			continue
		}
		b = append(b, tag)
		for range letters[tag&7] {
			b = append(b, letter())
		}
	}
	return string(b)
}
