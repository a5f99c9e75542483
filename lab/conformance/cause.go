package conformance

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
)

// Cause is what failures have in common. Its name is what their payloads are examples of, by
// the ids of docs/contract.md, and what was answered instead of what.
type Cause struct {
	Name   string   `json:"cause"`
	Tests  []string `json:"tests"`
	Report string   `json:"report"` // of the smallest payload

	tests []*Test
}

// causesOf are the causes of failures, the one of the most tests first.
func causesOf(failures []*Test) (all []*Cause) {
	byName := make(map[string]*Cause)
	for _, t := range failures {
		name := t.failure.cause()
		if byName[name] == nil {
			byName[name] = &Cause{Name: name}
			all = append(all, byName[name])
		}
		c := byName[name]
		c.Tests, c.tests = append(c.Tests, t.Name), append(c.tests, t)
	}
	slices.SortStableFunc(all, func(a, b *Cause) int { return len(b.Tests) - len(a.Tests) })
	return all
}

// cause names the cause of a failure: by the ids that matter, because beside a fault nothing else in a
// payload does. A payload with nothing special in it has the rule that decides.
func (f *failure) cause() string {
	ids := strings.Fields(f.ids)
	ids = slices.DeleteFunc(ids, func(id string) bool { return (id[0] == 'M') != (f.want.Kind == contract.Malformed) })
	if len(ids) == 0 {
		ids = stdin.Rules(contract.Stdin, f.payload, f.want.Kind)[:1]
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " ") + ": " + f.answer()
}

// differences say in which fields options differ from those wanted, in words that stay the
// same when the value does not matter.
func differences(want, got contract.Outcome) (list []string) {
	i := slices.IndexFunc(want.All(), func(o contract.Outcome) bool { return o.Kind == got.Kind })
	if i < 0 || got.Options == nil || want.All()[i].Options == nil {
		return nil
	}
	w, g := want.All()[i].Options.ProtoReflect(), got.Options.ProtoReflect()
	for _, name := range contract.Differing(w, g) {
		fd := w.Descriptor().Fields().ByName(name)
		given, wanted := valueText(g, fd), valueText(w, fd)
		if given == wanted {
			given, wanted = "another", "the one that was sent"
		}
		list = append(list, string(name)+" "+given+" instead of "+wanted)
	}
	return list
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

// answer says what was answered instead of what. It does not depend on the payload
// but for the kinds, and the fields that differ.
func (f *failure) answer() string {
	if fields := differences(f.want, f.got); len(fields) > 0 {
		return "options: " + strings.Join(fields, ", ")
	}
	given := string(f.got.Kind)
	if f.got.Kind.IsError() && f.got.Err != nil && f.got.Err.Error() == "" {
		given += " without a text"
	}
	return given + " instead of " + kinds(f.want)
}

// kinds are those of the right answers.
func kinds(want contract.Outcome) string {
	var all []string
	for _, o := range want.All() {
		if !slices.Contains(all, string(o.Kind)) {
			all = append(all, string(o.Kind))
		}
	}
	return strings.Join(all, " or ")
}
