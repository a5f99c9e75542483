package conformance

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance/optionstype"
	"shimfuzz/lab/conformance/process"
	"shimfuzz/lab/conformance/protocol"
)

// subject is what a reader reads: Options of a type, from the standard input of a shim.
type subject struct {
	options protoreflect.MessageType
	want    func(payload []byte) contract.Outcome           // the right answers
	outcome func(protocol.Answer) (contract.Outcome, error) // what the reader answered, as far as it can tell
	checks  func(*config) ([]check, error)                  // that it is asked

	known, excused findings.List
}

// subjectOf is the subject of a reader.
func subjectOf(c *settings.Conformance) (*subject, error) {
	name, version := c.Name, c.Version
	mt, err := optionstype.Find(c.Type)
	if err != nil {
		return nil, fmt.Errorf("OPTIONS: %w", err)
	}
	s := &subject{options: mt, checks: allChecks}
	decoded := mt
	switch {
	case c.Marked:
		decoded = nil
		s.want = func(b []byte) contract.Outcome { return findings.Want(name, version, b) }
	case mt == optionstype.RunHCS:
		s.want = func(b []byte) contract.Outcome {
			return findings.AsKnown(name, version, reference.Want(b))
		}
	default:
		s.want = func(b []byte) contract.Outcome {
			return reference.TypeOf(mt).Want(contract.Stdin, b)
		}
	}
	s.outcome = func(a protocol.Answer) (contract.Outcome, error) {
		o, err := process.Outcome(a, decoded)
		if mt == optionstype.RunHCS {
			o = findings.AsKnown(name, version, o)
		}
		return o, err
	}
	return s, nil
}

// greet asks for the answer to no bytes at all. The error is one line for a program that
// is not a reader.
func greet(reader *process.Reader) error {
	a, err := reader.Ask(nil)
	if err != nil {
		return err
	}
	switch a.Outcome {
	case process.Hang, protocol.Panic, protocol.Unable:
		return fmt.Errorf("reader %s: %s, asked for its answer to no bytes at all (is it a reader? "+
			"docs/conformance.md has the protocol)",
			strings.Join(reader.Command, " "), strings.Join(strings.Fields(string(a.Detail)), " "))
	}
	return nil
}

// name is the full name of the Options.
func (s *subject) name() string { return string(s.options.Descriptor().FullName()) }

// envelope describes the message that a payload is.
func (s *subject) envelope(payload []byte) protoreflect.MessageDescriptor {
	return stdin.Descriptor(contract.Stdin, payload)
}

// inside describes what an Any with a type URL holds, if that is Options of the type.
func (s *subject) inside(url string) protoreflect.MessageDescriptor {
	if stdin.TypeName(url) == s.name() {
		return s.options.Descriptor()
	}
	return nil
}

// excuse sets what is known of a program, and which of it is excused. Of a reader that
// make -C lab matrix has not built nothing is known, unless the user says whose findings it has;
// it is assumed to link what its release links.
func (s *subject) excuse(name, version, list string) error {
	if name != "" {
		s.known = findings.Of(name, version)
	}
	if list == "" {
		return nil
	}
	l, err := findings.Named(list)
	if err != nil {
		return err
	}
	l.Released = true
	s.excused = l
	if name == "" {
		s.known = s.excused
	}
	return nil
}

// judge decides on the answer to a payload.
func (s *subject) judge(payload []byte, want, got contract.Outcome) verdict.Verdict {
	return verdict.Of(verdict.Question{Payload: payload, Want: want}, got, s.known, s.excused)
}
