package vocabulary

import (
	"slices"
	"sync"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Vocabulary is the elements of payloads that carry Options of one type.
type Vocabulary struct {
	message protoreflect.MessageType
	name    string                         // of the type, in full
	fields  protoreflect.FieldDescriptors  // of Options
	scalars []protoreflect.FieldDescriptor // that elements set
	entries protoreflect.FieldDescriptor   // the map that elements set, nil if there is none
	text    protoreflect.FieldDescriptor   // a string
	places  map[Level]place

	nearNames, otherNames []string

	ours            Element // a type URL that names the type
	sent, sentOther Element // fields of Options

	elements func() map[Level][]Element
	faults   func() map[Level][]Element
	lesser   func() map[Level]lesser
}

// RunHCS is the vocabulary of hcsshim's Options.
var RunHCS = Of((*options.Options)(nil).ProtoReflect().Type())

// Of returns the vocabulary of a type of Options.
func Of(message protoreflect.MessageType) *Vocabulary {
	md := message.Descriptor()
	v := &Vocabulary{message: message, name: string(md.FullName()), fields: md.Fields()}
	for i := range v.fields.Len() {
		switch fd := v.fields.Get(i); {
		case IsEntries(fd):
			v.entries = fd
		case IsScalar(fd):
			v.scalars = append(v.scalars, fd)
		}
	}
	v.nearNames = slices.DeleteFunc(nearNames(v.name), v.isName)
	v.otherNames = slices.DeleteFunc(slices.Clone(otherNames), v.isName)
	v.places = v.allPlaces()
	v.ours = v.ourURL("")
	v.sent, v.sentOther = v.twoFields()
	v.elements = sync.OnceValue(v.allElements)
	v.faults = sync.OnceValue(v.allFaults)
	v.lesser = sync.OnceValue(v.allLesser)
	return v
}

func (v *Vocabulary) isName(name string) bool { return name == v.name }

// NearNames are type URLs that are almost one of the type. The caller must not change
// them.
func (v *Vocabulary) NearNames() []string { return v.nearNames }

// OtherNames are types that containerd's clients send to other shims. The caller must
// not change them.
func (v *Vocabulary) OtherNames() []string { return v.otherNames }

// IsScalar reports whether elements and generators set a field of Options: one of the
// kinds that the Options of some released shim have, and not one of a oneof.
func IsScalar(fd protoreflect.FieldDescriptor) bool {
	if fd.IsList() || fd.ContainingOneof() != nil && !fd.HasOptionalKeyword() {
		return false
	}
	return fd.Kind() == protoreflect.StringKind || fd.Kind() == protoreflect.BytesKind || isVarint(fd)
}

// IsEntries reports whether a field of Options is a map from strings to strings.
func IsEntries(fd protoreflect.FieldDescriptor) bool {
	return fd.IsMap() && fd.MapKey().Kind() == protoreflect.StringKind &&
		fd.MapValue().Kind() == protoreflect.StringKind
}

func isVarint(fd protoreflect.FieldDescriptor) bool {
	switch fd.Kind() {
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Uint32Kind,
		protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return true
	}
	return false
}

// LegacyLevels are the levels of an Any, from the outside in.
func (v *Vocabulary) LegacyLevels() []Level { return v.levels(Legacy, Options, Entry) }

// BootstrapLevels are the levels of BootstrapParams, from the outside in.
func (v *Vocabulary) BootstrapLevels() []Level {
	return v.levels(Bootstrap, Extension, Any, Options, Entry)
}

// levels leaves out Entry where Options have no map.
func (v *Vocabulary) levels(all ...Level) []Level {
	if v.entries == nil {
		return all[:len(all)-1]
	}
	return all
}

// numbersOf are the numbers of the fields for which is holds.
func (v *Vocabulary) numbersOf(is func(protoreflect.FieldDescriptor) bool) (list []protowire.Number) {
	for _, fd := range v.scalars {
		if is(fd) {
			list = append(list, fd.Number())
		}
	}
	return list
}

// twoFields are Options' first scalar field, and a text in another one: log_level, which
// every version of hcsshim's Options has, or the last string.
func (v *Vocabulary) twoFields() (sent, other Element) {
	strings := slices.DeleteFunc(slices.Clone(v.scalars),
		func(fd protoreflect.FieldDescriptor) bool { return fd.Kind() != protoreflect.StringKind })
	if len(strings) > 0 {
		v.text = strings[len(strings)-1]
	}
	if fd := v.fields.ByName("log_level"); fd != nil && fd.Kind() == protoreflect.StringKind {
		v.text = fd
	}
	if len(v.scalars) > 0 {
		sent = v.set(v.scalars[0], "sent", 1)
		sent.Name = string(v.scalars[0].Name())
	}
	if v.text != nil {
		other = v.set(v.text, "other", 1)
		other.Name = string(v.text.Name())
	}
	return sent, other
}
