package conformance

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance/differential"
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
	engine         differential.Engine // whose defects are excused
}

// subjectOf is the subject of the reader that the settings name. Of one that make -C lab
// matrix has not built nothing is known, unless the user says whose findings it has; it is
// assumed to link what its release links.
func subjectOf(c *Settings) (*subject, error) {
	name, version := c.Name, c.Version
	mt, err := optionstype.Find(c.Type)
	if err != nil {
		return nil, fmt.Errorf("OPTIONS: %w", err)
	}
	s := &subject{options: mt, checks: allChecks, engine: differential.Engines[c.Engine]}
	decoded := mt
	switch {
	case c.Marked:
		decoded = nil
		s.want = func(b []byte) contract.Outcome { return findings.Want(name, version, b) }
	case mt == optionstype.RunHCS:
		s.want = func(b []byte) contract.Outcome { return findings.AsKnown(name, version, reference.Want(b)) }
	default:
		s.want = func(b []byte) contract.Outcome { return reference.TypeOf(mt).Want(contract.Stdin, b) }
	}
	s.outcome = func(a protocol.Answer) (contract.Outcome, error) {
		o, err := process.Outcome(a, decoded)
		if mt == optionstype.RunHCS {
			o = findings.AsKnown(name, version, o)
		}
		return o, err
	}
	if name != "" {
		s.known = findings.All.Of(name, version)
	}
	if c.test.Findings == "" {
		return s, nil
	}
	list, err := findings.All.Named(c.test.Findings)
	if err != nil {
		return nil, err
	}
	list.Released = true
	s.excused = list
	if name == "" {
		s.known = s.excused
	}
	return s, nil
}

// name is the full name of the Options.
func (s *subject) name() string { return string(s.options.Descriptor().FullName()) }

// failure is the answer to a payload, which is wrong if it fails.
type failure struct {
	payload   []byte
	ids       string // of docs/contract.md that the payload is an example of, separated by spaces
	want, got contract.Outcome
	verdict   verdict.Verdict
	excuses   []string // names of the findings or defects that explain a wrong answer
	file      string   // that keeps the payload
}

// fails reports whether the answer is wrong and nothing excuses it.
func (f *failure) fails() bool { return f.verdict.Fails() && len(f.excuses) == 0 }

// judge decides on the answer to a payload.
func (s *subject) judge(payload []byte, got contract.Outcome) *failure {
	f := &failure{payload: payload, want: s.want(payload), got: got}
	f.verdict = verdict.Of(grammar.Payload{Bytes: payload, Want: f.want}, got, s.known, s.excused)
	switch {
	case f.verdict.Kind == verdict.Known:
		f.excuses = []string{f.verdict.Finding.Name}
	case f.verdict.Fails():
		for _, d := range s.engine.Explain(payload, got) {
			f.excuses = append(f.excuses, d.Name)
		}
	}
	return f
}
