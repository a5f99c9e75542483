package payload

import (
	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// RegisteredNames lists the message types linked into this binary whose names
// are legal container IDs.
var RegisteredNames = sync.OnceValue(func() []string {
	names := []string{contract.OptionsName, "google.protobuf.Empty", "google.protobuf.Any"}
	protoregistry.GlobalTypes.RangeMessages(func(t protoreflect.MessageType) bool {
		if name := string(t.Descriptor().FullName()); stdin.IsIdentifier(name) {
			names = append(names, name)
		}
		return true
	})
	return sortedUnique(names)
})

func sortedUnique(names []string) []string {
	seen := make(map[string]bool)
	var out []string
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	// The registry is a map; only a sorted list makes a seed replay.
	slices.Sort(out[3:])
	return out
}

var commonIDs = []string{
	"0", "web-1", "3f4e5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081",
	strings.Repeat("z", stdin.MaxIdentifier),
}

// ID draws a legal container ID, half of the time the name of a linked type.
func ID(rnd Rand) string {
	if rnd.Intn(2) == 0 {
		return pick(rnd, commonIDs)
	}
	names := RegisteredNames()
	if rnd.Intn(2) == 0 {
		return names[rnd.Intn(3)]
	}
	return pick(rnd, names)
}

var commonNamespaces = []string{"k8s.io", "default", "moby", "inference", "p1", "H1", "buildkit"}

// Namespace draws a legal namespace, half of the time one that is a well-formed
// protobuf message.
func Namespace(rnd Rand) string {
	if rnd.Intn(2) == 0 {
		return pick(rnd, commonNamespaces)
	}
	return ProtobufNamespace(rnd)
}

// alphanumeric is what a namespace may consist of throughout.
const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// ProtobufNamespace draws a legal namespace that is a well-formed protobuf
// message. A letter or digit is a one-byte tag of field 6 to 15; its lowest
// three bits say how many more letters the field takes.
func ProtobufNamespace(rnd Rand) string {
	var b []byte
	for len(b) == 0 || len(b) < 60 && !oneIn(rnd, 3) {
		tag := pick(rnd, []byte(alphanumeric))
		switch tag & 7 {
		case 0: // a varint of one byte
			b = append(b, tag)
			b = appendLetters(rnd, b, 1)
		case 1: // fixed64
			b = append(b, tag)
			b = appendLetters(rnd, b, 8)
		case 5: // fixed32
			b = append(b, tag)
			b = appendLetters(rnd, b, 4)
		}
	}
	return string(b)
}

func appendLetters(rnd Rand, b []byte, n int) []byte {
	for range n {
		b = append(b, pick(rnd, []byte(alphanumeric)))
	}
	return b
}
