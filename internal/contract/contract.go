// Package contract has the terms in which the contract of docs/contract.md is
// written: the outcomes of reading shim options, the guarantees, and when two
// outcomes are the same.
package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
)

// OptionsName is the full name of the Options message, as a type URL has it
// (hcsshim's runhcs.proto).
const OptionsName = "containerd.runhcs.v1.Options"

// MaxPayload is the size in bytes up to which every payload must be read: a larger one may
// be refused (docs/contract.md, the freedom oversize).
const MaxPayload = 32 << 20

// Input is what a decoder is given. The same bytes can have another right answer as
// another input.
type Input int

// The inputs.
const (
	Stdin  Input = iota // the standard input of a shim: R1 to R4
	Create              // CreateTaskRequest.Options, the bytes of an Any: C1 to C3
)

// Inputs are all of them.
var Inputs = []Input{Stdin, Create}

// Kind is what came out of decoding a payload.
type Kind string

// The kinds that the contract knows. An error is of one of three kinds, so that
// a broad one cannot mask a narrow one.
const (
	Options   Kind = "options"         // these Options; zero Options are still options
	None      Kind = "none"            // none were sent: the shim uses its defaults
	Read      Kind = "error/read"      // the reader failed
	Malformed Kind = "error/malformed" // not the message it claims to be
	Foreign   Kind = "error/foreign"   // well-formed, but options of another type
)

// The kinds that only a decoder under test can produce.
const (
	Error           Kind = "error" // an error of which no more is known
	Panic           Kind = "panic" // it panicked
	OptionsAndError Kind = "both"  // it returned options together with an error
	Hang            Kind = "hang"  // it did not answer; only of a decoder in a process of its own
)

// AlwaysWrong reports whether an answer of this kind is wrong to any payload.
func (k Kind) AlwaysWrong() bool { return k == Panic || k == OptionsAndError || k == Hang }

// IsError reports whether the kind is an error, known more closely or not.
func (k Kind) IsError() bool {
	return k == Error || strings.HasPrefix(string(k), "error/")
}

// Outcome is what a decoder answered, or must answer.
type Outcome struct {
	Kind    Kind
	Options proto.Message // for Options and OptionsAndError; nil for options of which no more is known
	Err     error         // for errors and OptionsAndError; of a wanted Read the reader's own
	Or      []Outcome     // of a wanted answer: the others that the contract allows
	Panic   string        // for Panic: the value and where it came from; for Hang how long it took
}

// String names the outcome in one line.
func (o Outcome) String() string {
	switch {
	case o.Kind == Panic, o.Kind == Hang:
		return string(o.Kind) + ": " + strings.SplitN(o.Panic, "\n", 2)[0]
	case o.Err != nil:
		return fmt.Sprintf("%s: %v", o.Kind, o.Err)
	case o.Kind == Options && o.Options != nil:
		if text := strings.Join(strings.Fields(fmt.Sprint(o.Options)), " "); text != "" {
			return "options " + text
		}
		return "options, all at their defaults"
	}
	return string(o.Kind)
}

// Diff compares an answer with what the contract wants, and returns the
// difference in words, "" if there is none.
func Diff(want, got Outcome) string {
	if text := difference(want, got); text != nil {
		return text()
	}
	return ""
}

// Right reports whether Diff is "". It makes no text, which costs more than decoding.
func Right(want, got Outcome) bool { return difference(want, got) == nil }

// difference returns what tells the difference, nil if there is none.
func difference(want, got Outcome) func() string {
	switch {
	case want.Kind.IsError() && got.Kind == Error, want.Kind == Error && got.Kind.IsError():
	case want.Kind != got.Kind:
		return func() string { return fmt.Sprintf("%s instead of %s", got.Kind, want.Kind) }
	}
	if want.Kind == Read && !errors.Is(got.Err, want.Err) {
		return func() string { return fmt.Sprintf("the error does not wrap the reader's own, %q", want.Err) }
	}
	if got.Kind.IsError() && got.Err != nil && got.Err.Error() == "" {
		return func() string { return "the error says nothing" }
	}
	if want.Kind != Options || want.Options == nil || proto.Equal(want.Options, got.Options) ||
		proto.Equal(WithoutUnknown(want.Options), WithoutUnknown(got.Options)) {
		return nil
	}
	return func() string {
		w, g := WithoutUnknown(want.Options), WithoutUnknown(got.Options)
		const most = 1 << 16 // bytes: to compare more line by line takes minutes
		if size := proto.Size(w) + proto.Size(g); size > most {
			var names []string
			for _, name := range Differing(w.ProtoReflect(), g.ProtoReflect()) {
				names = append(names, string(name))
			}
			return fmt.Sprintf("options of %d and %d bytes differ in %s", proto.Size(w), proto.Size(g),
				strings.Join(names, ", "))
		}
		return fmt.Sprintf("options differ (- want, + got):\n%s", cmp.Diff(w, g, protocmp.Transform()))
	}
}

// Differing are the names of the fields in which two messages of a type differ.
func Differing(want, got protoreflect.Message) (names []protoreflect.Name) {
	for i := range want.Descriptor().Fields().Len() {
		fd := want.Descriptor().Fields().Get(i)
		if want.Has(fd) != got.Has(fd) || !want.Get(fd).Equal(got.Get(fd)) {
			names = append(names, fd.Name())
		}
	}
	return names
}

// All are the answers that a wanted one allows, itself first.
func (o Outcome) All() []Outcome { return append([]Outcome{o}, o.Or...) }

// SameSet reports whether two wanted answers allow the same answers.
func SameSet(a, b Outcome) bool {
	if len(a.Or)+len(b.Or) == 0 {
		return Right(a, b)
	}
	return within(a, b) && within(b, a)
}

// within reports whether every answer that a allows is one that b allows.
func within(a, b Outcome) bool {
	return !slices.ContainsFunc(a.All(), func(one Outcome) bool {
		return !slices.ContainsFunc(b.All(), func(other Outcome) bool { return Right(one, other) })
	})
}

// WithoutUnknown returns a copy of m without unknown fields, which do not count.
func WithoutUnknown(m proto.Message) proto.Message {
	m = proto.Clone(m)
	dropUnknown(m.ProtoReflect())
	return m
}

// dropUnknown visits the messages that are m's singular fields, too: Options has
// no other kind of sub-message in any version.
func dropUnknown(m protoreflect.Message) {
	m.SetUnknown(nil)
	for fd, v := range m.Range {
		if fd.Message() != nil && !fd.IsMap() && !fd.IsList() {
			dropUnknown(v.Message())
		}
	}
}
