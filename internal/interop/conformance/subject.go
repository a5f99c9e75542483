package conformance

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/interop/process"
	"shimfuzz/internal/interop/protocol"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verdict"
)

// subject is what a reader reads: Options of a type, from the standard input of a shim.
type subject struct {
	options  string                                          // full name of the Options
	want     func(payload []byte) contract.Outcome           // the right answers
	outcome  func(protocol.Answer) (contract.Outcome, error) // what the reader answered, as far as it can tell
	envelope func(payload []byte) protoreflect.MessageDescriptor
	inside   func(url string) protoreflect.MessageDescriptor // of the value of an Any; nil if not known
	dump     func(payload []byte) string
	checks   func(c *config) ([]check, error) // that the reader is asked

	known, excused findings.List
}

// ofProgram is the subject that a version of a program reads. Of one that make matrix has
// not built it is "", and reads runhcs's Options.
func ofProgram(name, version string) *subject {
	optionsType := verdict.OptionsType(name)
	return &subject{
		options: optionsType,
		want:    func(b []byte) contract.Outcome { return verdict.Want(name, version, b) },
		outcome: func(a protocol.Answer) (contract.Outcome, error) {
			o, err := process.Outcome(a, optionsType)
			return verdict.AsTold(name, version, o), err
		},
		envelope: func(b []byte) protoreflect.MessageDescriptor { return stdin.Descriptor(contract.Stdin, b) },
		inside:   stdin.Schema,
		dump:     func(b []byte) string { return stdin.Dump(contract.Stdin, b) },
		checks:   allChecks,
		known:    findings.None,
		excused:  findings.None,
	}
}

// excuse sets what is known of a program, and which of it is excused. Of a reader that
// make matrix has not built nothing is known, unless the user says whose findings it has;
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
	s.excused = l.AsReleased()
	if name == "" {
		s.known = s.excused
	}
	return nil
}

// judge decides on the answer to a payload.
func (s *subject) judge(payload []byte, want, got contract.Outcome) verdict.Verdict {
	return verdict.Of(verdict.Question{Payload: payload, Want: want}, got, s.known, s.excused)
}
