package contract

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// outcome is an outcome of a kind as a decoder gives it.
func outcome(k Kind) Outcome {
	o := Outcome{Kind: k}
	if k == Options || k == OptionsAndError {
		o.Options = new(options.Options)
	}
	if k.IsError() || k == OptionsAndError {
		o.Err = io.ErrNoProgress
	}
	return o
}

// A kind is right for itself. An error of which no more is known is right for
// any error, and any error for it. Nothing else is right for anything else.
func TestKinds(t *testing.T) {
	rightFor := map[Kind][]Kind{
		Options: {Options}, None: {None}, Panic: {Panic}, OptionsAndError: {OptionsAndError}, Hang: {Hang},
		Read: {Read, Error}, Malformed: {Malformed, Error}, Foreign: {Foreign, Error},
		Error: {Read, Malformed, Foreign, Error},
	}
	for want, right := range rightFor {
		if isError := slices.Contains(right, Error); want.IsError() != isError {
			t.Errorf("%s is an error: %t", want, !isError)
		}
		if wrong := slices.Contains([]Kind{Panic, OptionsAndError, Hang}, want); want.AlwaysWrong() != wrong {
			t.Errorf("%s is always wrong: %t", want, !wrong)
		}
		for got := range rightFor {
			expected := ""
			if !slices.Contains(right, got) {
				expected = fmt.Sprintf("%s instead of %s", got, want)
			}
			if diff := Diff(outcome(want), outcome(got)); diff != expected {
				t.Errorf("want %s, got %s: %q, want %q", want, got, diff, expected)
			}
		}
	}
}

// An error must say something, and one of the reader must wrap the reader's own.
func TestDiffOfErrors(t *testing.T) {
	cause := errors.New("disk on fire")
	const unwrapped = `the error does not wrap the reader's own, "disk on fire"`
	for _, test := range []struct {
		name      string
		want, got Kind
		err       error
		cause     error
		diff      string
	}{
		{"says something", Malformed, Malformed, errors.New("cut"), nil, ""},
		{"says nothing", Malformed, Malformed, errors.New(""), nil, "the error says nothing"},
		{"of unknown kind, says nothing", Foreign, Error, errors.New(""), nil, "the error says nothing"},
		{"wanted of any kind, says nothing", Error, Foreign, errors.New(""), nil, "the error says nothing"},
		{"the reader's own", Read, Read, cause, cause, ""},
		{"wraps the reader's", Read, Read, fmt.Errorf("reading: %w", cause), cause, ""},
		{"of unknown kind, wraps the reader's", Read, Error, fmt.Errorf("reading: %w", cause), cause, ""},
		{"repeats the reader's without wrapping it", Read, Read, fmt.Errorf("reading: %v", cause), cause, unwrapped},
		{"of unknown kind, repeats the reader's", Read, Error, fmt.Errorf("reading: %v", cause), cause, unwrapped},
		{"another reader's", Read, Read, io.ErrUnexpectedEOF, cause, unwrapped},
		{"of another kind, wraps the reader's", Read, Malformed, cause, cause, "error/malformed instead of error/read"},
		{"need not wrap where the payload is at fault", Malformed, Malformed, errors.New("cut"), cause, ""},
	} {
		diff := Diff(Outcome{Kind: test.want, Err: test.cause}, Outcome{Kind: test.got, Err: test.err})
		if diff != test.diff {
			t.Errorf("%s: %q, want %q", test.name, diff, test.diff)
		}
	}
}

// Options are the same if every known field is, presence included. To compare them
// changes nothing in them.
func TestDiffOfOptions(t *testing.T) {
	newer := &options.Options{Debug: true}
	newer.ProtoReflect().SetUnknown([]byte("\xc0\x3e\x01")) // field 1000, which no version has
	for _, test := range []struct {
		name      string
		want, got proto.Message
		differs   string // a field that the difference names, "" if there must be none
	}{
		{"none set", &options.Options{}, &options.Options{}, ""},
		{"the same", &options.Options{LogLevel: "debug"}, &options.Options{LogLevel: "debug"}, ""},
		{"another value", &options.Options{LogLevel: "debug"}, &options.Options{LogLevel: "info"}, "log_level"},
		{"one lost", &options.Options{Debug: true}, &options.Options{}, "debug"},
		{"one invented", &options.Options{}, &options.Options{VmProcessorCount: 1}, "vm_processor_count"},
		{"optional, the same", optional(false), optional(false), ""},
		{"optional, false is not unset", optional(false), new(descriptorpb.MessageOptions), "deprecated"},
		{"optional, unset is not false", new(descriptorpb.MessageOptions), optional(false), "deprecated"},
		{"optional, unset is not true", new(descriptorpb.MessageOptions), optional(true), "deprecated"},
		{"an entry lost", annotated("a", "b"), annotated("a"), "default_container_annotations"},
		{"no map is an empty one", &options.Options{}, annotated(), ""},
		{"unknown fields of the answer", &options.Options{Debug: true}, newer, ""},
		{"unknown fields of what is wanted", newer, &options.Options{Debug: true}, ""},
		{"a known field beside unknown ones", newer, &options.Options{}, "debug"},
	} {
		diff := Diff(Outcome{Kind: Options, Options: test.want}, Outcome{Kind: Options, Options: test.got})
		switch {
		case test.differs == "" && diff != "":
			t.Errorf("%s: %s", test.name, diff)
		case test.differs != "" && !(strings.HasPrefix(diff, "options differ (- want, + got):\n") &&
			strings.Contains(diff, `"`+test.differs+`"`)):
			t.Errorf("%s: %q does not name %s", test.name, diff, test.differs)
		}
	}
	large := &options.Options{LogLevel: strings.Repeat("x", 1<<16), Debug: true}
	diff := Diff(Outcome{Kind: Options, Options: large}, Outcome{Kind: Options, Options: &options.Options{}})
	if want := "options of 65543 and 0 bytes differ in debug, log_level"; diff != want {
		t.Errorf("large ones: %q, want %q", diff, want)
	}
	if len(newer.ProtoReflect().GetUnknown()) == 0 {
		t.Error("the options given have lost their unknown fields")
	}
}

// optional has a field that can be unset, which the Options of older releases do not have.
func optional(v bool) proto.Message { return &descriptorpb.MessageOptions{Deprecated: proto.Bool(v)} }

func annotated(keys ...string) *options.Options {
	o := &options.Options{DefaultContainerAnnotations: make(map[string]string)}
	for _, k := range keys {
		o.DefaultContainerAnnotations[k] = "on"
	}
	return o
}

// An outcome is told in one line.
func TestString(t *testing.T) {
	cut := errors.New("cut")
	for _, test := range []struct {
		outcome Outcome
		want    string
	}{
		{Outcome{Kind: None}, "none"},
		{Outcome{Kind: Malformed}, "error/malformed"},
		{Outcome{Kind: Malformed, Err: cut}, "error/malformed: cut"},
		{Outcome{Kind: Error, Err: cut}, "error: cut"},
		{Outcome{Kind: Options, Options: &options.Options{}}, "options, all at their defaults"},
		{Outcome{Kind: Options, Options: &options.Options{Debug: true}}, "options debug:true"},
		{Outcome{Kind: Options, Options: optional(false)}, "options deprecated:false"},
		{Outcome{Kind: OptionsAndError, Options: &options.Options{}, Err: cut}, "both: cut"},
		{Outcome{Kind: Panic, Panic: "index out of range\nmain.readOptions(…)"}, "panic: index out of range"},
		{Outcome{Kind: Hang, Panic: "no answer within 10s"}, "hang: no answer within 10s"},
	} {
		if got := test.outcome.String(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
