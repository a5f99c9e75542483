// Package contract says what a shim must answer to the bytes on its standard
// input, runs a decoder on them, and compares.
package contract

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
)

// OptionsName is the full name of the Options message, as a type URL has it
// (hcsshim's runhcs.proto).
const OptionsName = "containerd.runhcs.v1.Options"

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

// AlwaysWrong reports whether an answer of this kind is wrong whatever was asked.
func (k Kind) AlwaysWrong() bool { return k == Panic || k == OptionsAndError || k == Hang }

// IsError reports whether the kind is an error, known more closely or not.
func (k Kind) IsError() bool {
	return k == Error || strings.HasPrefix(string(k), "error/")
}

// Outcome is what a decoder answered, or must answer.
type Outcome struct {
	Kind    Kind
	Options *options.Options // for Options and OptionsAndError
	Err     error            // for errors and OptionsAndError
	Panic   string           // for Panic: the value and where it came from; for Hang how long it took
}

// String names the outcome in one line.
func (o Outcome) String() string {
	switch {
	case o.Kind == Panic, o.Kind == Hang:
		return string(o.Kind) + ": " + strings.SplitN(o.Panic, "\n", 2)[0]
	case o.Err != nil:
		return fmt.Sprintf("%s: %v", o.Kind, o.Err)
	case o.Kind == Options:
		if text := strings.Join(strings.Fields(fmt.Sprint(o.Options)), " "); text != "" {
			return "options " + text
		}
		return "options, all at their defaults"
	}
	return string(o.Kind)
}

// Decoder is a readOptions with a name.
type Decoder struct {
	Name string
	Read func(io.Reader) (*options.Options, error)
	// Classify tells the kinds of its errors apart; nil if they are not to be
	// told apart, as in hcsshim.
	Classify func(error) Kind
}

// Hung and Died are what a Read that asks another process panics with when that
// hangs or dies: how long it took, and what it said.
type (
	Hung string
	Died string
)

// Decode runs the decoder on what r delivers and turns whatever happens into an
// Outcome. A decode that exceeds HangLimit or BlockLimit ends the process.
func (d Decoder) Decode(r io.Reader, payload []byte) (out Outcome) {
	defer watch(d.Name, payload)()
	defer func() {
		v := recover()
		if hung, ok := v.(Hung); ok {
			out = Outcome{Kind: Hang, Panic: string(hung)}
		} else if died, ok := v.(Died); ok {
			out = Outcome{Kind: Panic, Panic: string(died)}
		} else if v != nil {
			out = Outcome{Kind: Panic, Panic: fmt.Sprintf("%v\n%s", v, panicStack())}
		}
	}()
	opts, err := d.Read(r)
	switch {
	case err != nil && opts != nil:
		return Outcome{Kind: OptionsAndError, Options: opts, Err: err}
	case err != nil:
		_ = err.Error() // an error that panics when printed is no error
		return Outcome{Kind: d.kind(err), Err: err}
	case opts == nil:
		return Outcome{Kind: None}
	}
	return Outcome{Kind: Options, Options: opts}
}

// panicStack is the stack from the frame that panicked up to the decoder's call.
func panicStack() string {
	stack := string(debug.Stack())
	if _, after, ok := strings.Cut(stack, "\npanic("); ok {
		if _, frames, ok := strings.Cut(after, "\n\t"); ok {
			_, stack, _ = strings.Cut(frames, "\n")
		}
	}
	before, _, _ := strings.Cut(stack, "shimfuzz/internal/contract.")
	return strings.TrimSpace(before)
}

func (d Decoder) kind(err error) Kind {
	if d.Classify == nil {
		return Error
	}
	return d.Classify(err)
}

// Diff compares an answer with what the contract wants, and returns the
// difference for a person, "" if there is none. cause, if not nil, is the
// reader's error, which an answer of Read must wrap.
func Diff(want, got Outcome, cause error) string {
	switch {
	case want.Kind.IsError() && got.Kind == Error, want.Kind == Error && got.Kind.IsError():
	case want.Kind != got.Kind:
		return fmt.Sprintf("%s instead of %s", got.Kind, want.Kind)
	}
	if want.Kind == Read && !errors.Is(got.Err, cause) {
		return fmt.Sprintf("the error does not wrap the reader's own, %q", cause)
	}
	if got.Kind.IsError() && got.Err != nil && got.Err.Error() == "" {
		return "the error says nothing"
	}
	if want.Kind != Options || Identical(want.Options, got.Options) {
		return ""
	}
	return fmt.Sprintf("options differ (- want, + got):\n%s", cmp.Diff(WithoutUnknown(want.Options), WithoutUnknown(got.Options), protocmp.Transform()))
}

// Identical reports whether every known field is equal, presence included.
// Unknown fields do not count.
func Identical(a, b *options.Options) bool {
	return proto.Equal(WithoutUnknown(a), WithoutUnknown(b))
}

// WithoutUnknown returns m without unknown fields: a copy, if it has any.
func WithoutUnknown(m *options.Options) *options.Options {
	if !hasUnknown(m.ProtoReflect()) {
		return m
	}
	m = proto.Clone(m).(*options.Options)
	dropUnknown(m.ProtoReflect())
	return m
}

func hasUnknown(m protoreflect.Message) bool {
	found := len(m.GetUnknown()) > 0
	rangeMessages(m, func(sub protoreflect.Message) { found = found || hasUnknown(sub) })
	return found
}

func dropUnknown(m protoreflect.Message) {
	m.SetUnknown(nil)
	rangeMessages(m, dropUnknown)
}

// rangeMessages visits the messages that are m's singular fields: Options has
// no other kind of sub-message in any version.
func rangeMessages(m protoreflect.Message, visit func(protoreflect.Message)) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Message() != nil && !fd.IsMap() && !fd.IsList() {
			visit(v.Message())
		}
		return true
	})
}
