package conformance

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"shimfuzz/lab/conformance/smaller"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// cause is what failures have in common: what is special in the smallest payload of
// each, by the ids of docs/contract.md, and what was answered instead of what.
type cause struct {
	features []string
	answer   string
	tests    []*test // the one with the smallest payload first
}

func (c *cause) String() string { return strings.Join(c.features, " ") + ": " + c.answer }

// causeOf returns the cause of a failure. Beside a fault nothing else in a payload matters.
func causeOf(s *subject, f *failure) *cause {
	features := s.features(f.payload)
	if slices.ContainsFunc(features, isFault) {
		features = slices.DeleteFunc(features, func(id string) bool { return !isFault(id) })
	}
	if len(features) == 0 {
		features = []string{rule(f.payload, f.want.Kind)}
	}
	return &cause{features: features, answer: answerText(f.want, f.got)}
}

// add adds a test that fails for the cause.
func (c *cause) add(t *test) {
	t.failure.cause = c
	c.tests = append(c.tests, t)
	if size := len(t.failure.payload); size < len(c.tests[0].failure.payload) {
		last := len(c.tests) - 1
		c.tests[0], c.tests[last] = c.tests[last], c.tests[0]
	}
}

// rule is the rule of recognition that decides on a payload with nothing special in it.
func rule(b []byte, want contract.Kind) string {
	switch {
	case len(b) == 0:
		return "R1"
	case isBootstrap(b):
		return "R3"
	case want == contract.None:
		return "R4b"
	case want == contract.Foreign:
		return "R4c"
	}
	return "R4a"
}

// difference is a field with another value than was sent, in words that stay the same
// when the value does not matter.
type difference struct{ field, got, want string }

// differences lists the fields in which options differ from those wanted.
func differences(want, got contract.Outcome) (list []difference) {
	want = likeGot(want, got)
	if want.Kind != contract.Options || got.Kind != contract.Options || want.Options == nil || got.Options == nil {
		return nil
	}
	w, g := want.Options.ProtoReflect(), got.Options.ProtoReflect()
	for i := range w.Descriptor().Fields().Len() {
		fd := w.Descriptor().Fields().Get(i)
		if w.Has(fd) == g.Has(fd) && w.Get(fd).Equal(g.Get(fd)) {
			continue
		}
		d := difference{string(fd.Name()), valueText(g, fd), valueText(w, fd)}
		if d.got == d.want {
			d.got, d.want = "another", "the one that was sent"
		}
		list = append(list, d)
	}
	return list
}

// likeGot is the one of the right answers that is of the kind of the given one, or else
// the first.
func likeGot(want, got contract.Outcome) contract.Outcome {
	for _, o := range append([]contract.Outcome{want}, want.Or...) {
		if o.Kind == got.Kind {
			return o
		}
	}
	return want
}

func valueText(m protoreflect.Message, fd protoreflect.FieldDescriptor) string {
	switch {
	case !m.Has(fd):
		return "unset"
	case fd.Kind() == protoreflect.BoolKind && !fd.IsMap() && !fd.IsList():
		return m.Get(fd).String()
	case !fd.IsMap() && !fd.IsList() && m.Get(fd).Equal(fd.Default()):
		return "zero"
	}
	return "set"
}

// answerText says what was answered instead of what. It does not depend on the payload
// but for the kinds, and the fields that differ.
func answerText(want, got contract.Outcome) string {
	if list := differences(want, got); len(list) > 0 {
		var fields []string
		for _, d := range list {
			fields = append(fields, d.field+" "+d.got+" instead of "+d.want)
		}
		return "options: " + strings.Join(fields, ", ")
	}
	given := string(got.Kind)
	if got.Kind.IsError() && got.Err != nil && got.Err.Error() == "" {
		given += " without a text"
	}
	return given + " instead of " + kinds(want)
}

// kinds are those of the right answers.
func kinds(want contract.Outcome) string {
	text := string(want.Kind)
	for _, o := range want.Or {
		if !slices.Contains(strings.Split(text, " or "), string(o.Kind)) {
			text += " or " + string(o.Kind)
		}
	}
	return text
}

// features are the ids in docs/contract.md of what is special in a payload: freedoms,
// equivalences and faults.
func (s *subject) features(b []byte) []string {
	f := &features{subject: s, found: make(map[string]bool)}
	f.message(b, s.envelope(b), 0)
	return slices.SortedFunc(maps.Keys(f.found), compareNames)
}

type features struct {
	subject *subject
	found   map[string]bool
}

func (f *features) add(id string, is bool) {
	if is {
		f.found[id] = true
	}
}

// message looks at a message, which md describes unless it is a group or unknown.
func (f *features) message(b []byte, md protoreflect.MessageDescriptor, level int) {
	fields, rest := wire.Parse(b)
	if len(rest) > 0 {
		f.found[faultOf(rest)] = true
	}
	url := ""
	seen := make(map[string]bool)
	for _, field := range fields {
		f.encoding(field)
		if field.Type == protowire.StartGroupType {
			f.group(field, level)
		}
		fd := known(md, field)
		f.add("unknown", md != nil && fd == nil)
		if fd == nil {
			continue
		}
		key := string(fd.Name())
		switch {
		case fd.IsMap():
			key += " " + f.entry(field, fd)
		case fd.IsList():
			f.add("neighbours", seen[key])
			delete(seen, key)
		}
		f.add("repeat", seen[key])
		seen[key] = true
		f.value(field, fd)
		if isURL(fd) {
			url = string(field.Value)
		}
		if inner := smaller.Inner(field, md, url, f.subject.inside); inner != nil {
			f.message(field.Value, inner, level+1)
		}
	}
	f.add("url", strings.Contains(url, "/") && f.subject.inside(url) != nil)
}

func isURL(fd protoreflect.FieldDescriptor) bool {
	return fd.FullName() == "google.protobuf.Any.type_url"
}

// known describes a field that a message has with this wire type, else nil.
func known(md protoreflect.MessageDescriptor, field wire.Field) protoreflect.FieldDescriptor {
	if md == nil {
		return nil
	}
	fd := md.Fields().ByNumber(field.Num)
	want := protowire.BytesType
	if fd != nil {
		switch fd.Kind() {
		case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Uint32Kind,
			protoreflect.Int64Kind, protoreflect.Uint64Kind:
			want = protowire.VarintType
		}
	}
	if fd == nil || field.Type != want {
		return nil
	}
	return fd
}

// encoding looks at how a tag, a length and a varint are written.
func (f *features) encoding(field wire.Field) {
	tag, n := protowire.ConsumeVarint(field.Raw)
	f.width(tag, n)
	switch field.Type {
	case protowire.BytesType:
		f.width(uint64(len(field.Value)), len(field.Raw)-n-len(field.Value))
	case protowire.VarintType:
		v, m := protowire.ConsumeVarint(field.Value)
		f.add("varint", m > protowire.SizeVarint(v))
	}
}

func (f *features) width(v uint64, n int) {
	const narrow = 5
	f.add("varint", n > protowire.SizeVarint(v) && n <= narrow)
	f.add("wide-tag", n > narrow)
}

// value looks at the value of a known field.
func (f *features) value(field wire.Field, fd protoreflect.FieldDescriptor) {
	v, _ := protowire.ConsumeVarint(field.Value)
	switch fd.Kind() {
	case protoreflect.StringKind:
		f.add("M11", !utf8.Valid(field.Value))
		v = uint64(len(field.Value))
	case protoreflect.BytesKind, protoreflect.MessageKind:
		return
	case protoreflect.BoolKind:
		f.add("varint", v > 1)
	case protoreflect.Int32Kind, protoreflect.EnumKind:
		f.add("varint", v != uint64(int64(int32(v))))
	}
	f.add("default", v == 0 && !fd.HasPresence() && fd.ContainingMessage().FullName() != "google.protobuf.Any" &&
		!fd.ContainingMessage().IsMapEntry())
}

// entry returns the key of a map entry, and looks whether it has both of its fields.
func (f *features) entry(field wire.Field, fd protoreflect.FieldDescriptor) (key string) {
	has := make(map[protowire.Number]bool)
	fields, _ := wire.Parse(field.Value)
	for _, inner := range fields {
		if known(fd.Message(), inner) != nil {
			has[inner.Num] = true
			if inner.Num == 1 {
				key = string(inner.Value)
			}
		}
	}
	f.add("default", !has[1] || !has[2])
	return key
}

// group looks into a group: how deep it is, and how what is in it is written.
func (f *features) group(field wire.Field, level int) {
	const mustRead = 99
	f.add("depth", level+1 > mustRead)
	if f.found["depth"] {
		return
	}
	_, _, n := protowire.ConsumeTag(field.Raw)
	body, _ := protowire.ConsumeGroup(field.Num, field.Raw[n:])
	f.message(body, nil, level+1)
}

// faultOf returns the id of what is wrong at the start of b, where no field can be read.
func faultOf(b []byte) string {
	tag, n := protowire.ConsumeVarint(b)
	if n < 0 {
		return badVarint(b, "M4")
	}
	num, typ, value := tag>>3, protowire.Type(tag&7), b[n:]
	switch {
	case num == 0:
		return "M3"
	case num > uint64(protowire.MaxValidNumber):
		return "M4"
	}
	switch typ {
	case protowire.EndGroupType:
		return "M7"
	case protowire.StartGroupType:
		return faultIn(protowire.Number(num), value)
	case protowire.VarintType:
		return badVarint(value, "over-64-bits")
	case protowire.Fixed32Type, protowire.Fixed64Type:
		return "M1"
	case protowire.BytesType:
		if _, n := protowire.ConsumeVarint(value); n < 0 {
			return badVarint(value, "M6")
		}
		return "M6"
	}
	return "M2"
}

// badVarint returns the id of why no varint can be read from the start of b.
func badVarint(b []byte, tooLarge string) string {
	const longest = 10
	switch {
	case len(b) < longest:
		return "M1"
	case b[longest-1] >= 0x80:
		return "M5"
	}
	return tooLarge
}

// faultIn returns the id of what is wrong in the group whose start stands before b.
func faultIn(num protowire.Number, b []byte) string {
	open := []protowire.Number{num}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		switch {
		case n > 0 && num <= protowire.MaxValidNumber && typ == protowire.StartGroupType:
			open = append(open, num)
		case n > 0 && typ == protowire.EndGroupType && num != open[len(open)-1]:
			return "M9"
		case n > 0 && typ == protowire.EndGroupType:
			if open = open[:len(open)-1]; len(open) == 0 {
				return "M10"
			}
		default:
			if _, _, n = protowire.ConsumeField(b); n < 0 {
				return faultOf(b)
			}
		}
		b = b[n:]
	}
	return "M8"
}

func isSubset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// compareNames compares names as people order them: by level, M2 before M10.
func compareNames(a, b string) int {
	if n := cmp.Compare(levelOf(a), levelOf(b)); n != 0 {
		return n
	}
	if isFault(a) && isFault(b) && len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// isFault reports whether an id is one of the faults M1 to M14.
func isFault(id string) bool { return id[0] == 'M' }

// levelOf returns the number of the level that a test's name begins with, -1 for none.
func levelOf(name string) int {
	level, _, _ := strings.Cut(name, "/")
	return slices.Index(Levels, level)
}
