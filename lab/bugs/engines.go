package bugs

import (
	"bytes"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
)

// Engine is a protobuf engine that a reader is built on.
type Engine struct {
	Every   int      // it is slow, and with LONGEST above 1 it is given every n-th payload; 0 is all
	Defects []Defect // that are known
}

// Defect is a known defect of an engine.
type Defect struct {
	Name string
	Why  string // what the engine does, and where that can be read

	tag      func(*token) // what the engine takes a tag for, and the length behind it
	overruns bool         // see misreading
	// The defect also shows where an ID and a namespace are read as BootstrapParams (R4b),
	// and an unknown field of an Any is one of those.
	minimal bool
}

// Engines are those of the example readers, by the names of these.
var Engines = map[string]Engine{
	"python": {Every: 11, Defects: []Defect{
		{Name: "wide-tag-unknown",
			Why: "a known field whose tag is longer than necessary is dropped (python_message.py, InternalParse: " +
				"decoders_by_tag has the bytes of tags)", tag: func(t *token) {
				isWide := len(t.tag) > protowire.SizeVarint(t.num<<3)
				// No known field is a group, the start of which its end must match.
				if isWide && t.typ != protowire.StartGroupType && t.field() != nil {
					t.skip()
				}
			}},
		{Name: "range-unchecked",
			Why: "a field number above 2^29-1, or 0 in a group, is one of an unknown field, and tags and lengths are " +
				"cut to 64 bits (decoder.py, _DecodeUnknownFieldSet and _VarintDecoder)", tag: func(t *token) {
				if len(t.tag) == maxVarint {
					t.set(t.num, t.typ)
				}
				if v, n := varint(t.val); t.typ == protowire.BytesType && n == maxVarint {
					t.setHead(v, n)
				}
				if t.isTooHigh() || t.num == 0 && t.depth > 0 {
					t.skip()
				}
			}},
		{Name: "end-tag-by-suffix",
			Why: "a group's end tag is compared with the last bytes only, and must be as short as possible " +
				"(decoder.py, _DecodeUnknownField)", tag: func(t *token) {
				if t.typ != protowire.EndGroupType || t.group == nil {
					return
				}
				switch end := t.group.num<<3 | uint64(protowire.EndGroupType); {
				case !bytes.HasSuffix(t.tag, protowire.AppendVarint(nil, end)):
					t.refuse()
				case t.num != t.group.num:
					t.set(t.group.num, t.typ)
				}
			}},
	}},
	"cpp": {Defects: []Defect{
		{Name: "cut-tag", Why: "a tag of 2^32 or more is cut to 32 bits (parse_context.h, ReadTag)",
			tag: func(t *token) {
				if len(t.tag) == 5 {
					t.set(t.num&(1<<29-1), t.typ)
				}
			}},
	}},
	"javascript": {Defects: []Defect{
		{Name: "wire-type-ignored", Why: "a known field is read as if it had its own wire type (from-binary.ts)",
			tag: func(t *token) {
				if fd := t.field(); fd != nil && t.typ <= protowire.Fixed32Type {
					t.setType(wants(fd))
				}
			}, minimal: true},
		{Name: "cut-length", Why: "a length of 2^32 or more is cut to 32 bits (varint.ts, varint32read)",
			tag: func(t *token) {
				if v, n := varint(t.val); t.typ == protowire.BytesType && n > 4 {
					t.setHead(v&math.MaxUint32, n)
				}
			}},
		{Name: "long-varint-skipped", Why: "an unknown varint may have more than 10 bytes (binary-encoding.ts, skip)",
			tag: func(t *token) {
				n := 1 + slices.IndexFunc(t.val, func(b byte) bool { return b < 0x80 })
				if t.typ == protowire.VarintType && n > maxVarint && n < 1<<14 && t.field() == nil {
					t.set(1000, protowire.BytesType)
					t.setHead(uint64(n-2), 2)
				}
			}},
		{Name: "message-overrun",
			Why:      "the last field of a message may end behind it (from-binary.ts, which compares pos < end)",
			overruns: true},
	}},
	"go": {Defects: []Defect{
		{Name: "numbers-unchecked-in-group",
			Why: "a field number above 2^29-1 in an unknown group is accepted (protowire, ConsumeFieldValue)",
			tag: func(t *token) {
				if t.isTooHigh() && t.num < 1<<31 && t.depth > 0 {
					t.skip()
				}
			}},
	}},
	"rust": {Defects: []Defect{
		{Name: "wire-type-refused",
			Why: "a known field with another wire type is an error, and one of a map is read as an entry " +
				"(encoding.rs, check_wire_type and map)", tag: func(t *token) {
				switch {
				case !t.isWrongType() || t.typ > protowire.Fixed32Type:
				case t.field().IsMap():
					t.setType(protowire.BytesType)
				default:
					t.refuse()
				}
			}, minimal: true},
	}},
}

// Explain returns the known defects that together are why the engine gave a wrong answer,
// and none that is not needed for that; nothing if they are not why.
func (e Engine) Explain(payload []byte, got contract.Outcome) []Defect {
	if len(e.Defects) == 0 || !explain(e.Defects, payload, got) {
		return nil
	}
	needed := slices.Clone(e.Defects)
	for _, d := range e.Defects {
		without := slices.DeleteFunc(slices.Clone(needed), func(other Defect) bool { return other.Name == d.Name })
		if explain(without, payload, got) {
			needed = without
		}
	}
	return needed
}

// Reads returns what the engine takes a payload for.
func (e Engine) Reads(payload []byte) []byte {
	b, _ := misread(e.Defects, payload)
	return b
}

// explain reports whether an engine with these defects gives such an answer: it is right
// to what the engine takes the payload for.
func explain(defects []Defect, payload []byte, got contract.Outcome) bool {
	minimal := slices.ContainsFunc(defects, func(d Defect) bool { return d.minimal })
	b, otherType := misread(defects, payload)
	want := reference.Want(b)
	return allows(want, got) || minimal && otherType && got.Kind == contract.Foreign &&
		allows(want, contract.Outcome{Kind: contract.None})
}

func allows(want, got contract.Outcome) bool {
	return slices.ContainsFunc(want.All(), func(o contract.Outcome) bool { return contract.Right(o, got) })
}

// misread returns what a payload is to an engine with these defects, and whether a field
// that only BootstrapParams has stands there with another wire type, and no other such field.
// Which message it is the engine finds out without a look at its known fields.
func misread(defects []Defect, payload []byte) (out []byte, otherType bool) {
	engine := misreading{
		tag: func(t *token) {
			for _, d := range defects {
				if d.tag != nil {
					d.tag(t)
				}
			}
		},
		overruns: slices.ContainsFunc(defects, func(d Defect) bool { return d.overruns }),
	}
	isBootstrap := false
	top, legacy := engine, engine
	top.tag = func(t *token) {
		otherType = otherType || t.depth == 0 && t.num >= 3 && t.num <= 9
		isBootstrap = isBootstrap || t.isOfParams()
		engine.tag(t)
		isBootstrap = isBootstrap || t.isOfParams()
	}
	top.read(nil, payload, len(payload))
	if isBootstrap {
		return append([]byte{4<<3 | 2, 0}, engine.payload(paramsType, payload)...), false // keeps it one
	}
	legacy.tag = func(t *token) {
		engine.tag(t)
		if t.in.md == anyType && t.isOfParams() {
			t.skip() // keeps it an Any
		}
	}
	return legacy.payload(anyType, payload), otherType
}

// isOfParams reports whether a tag at the top level is one that only BootstrapParams has (R3).
func (t *token) isOfParams() bool {
	return t.depth == 0 && (t.num == 3 && t.typ == protowire.VarintType ||
		t.num >= 4 && t.num <= 9 && t.typ == protowire.BytesType)
}
