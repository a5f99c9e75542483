package windows

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
)

// expectation is what a shim must do with a payload. Excused findings are included in it.
type expectation struct {
	because string            // whose answer it follows from, and the answer
	want    Behavior          // what it must do
	finding *findings.Finding // that explains other behavior; nil if none is known
}

// known and excused are the lists of findings of the shim.
func (s *shim) known() findings.List   { return findings.All.For(verify.Known(), s.programs[0]) }
func (s *shim) excused() findings.List { return findings.All.For(verify.Excused(), s.programs[0]) }

// unexcused is the finding of the shim of that name, nil if there is none, or it is excused.
func (s *shim) unexcused(name string) *findings.Finding {
	for _, f := range s.known().Findings {
		if f.Name == name && !s.excused().Has(name) {
			return f
		}
	}
	return nil
}

// answer is what the decoder of the shim's serve answers to a payload. lcow-v2 has none that
// can be extracted: it answers what the contract wants, or what a finding predicts.
func (s *shim) answer(b []byte) contract.Outcome {
	if s == lcow {
		_, answer := s.known().Predict(b, reference.Answer(b))
		return answer
	}
	return verify.UnderTest().Decode(bytes.NewReader(b), b)
}

// expectServe requires of runhcs-v1 what its readOptions, as it was extracted, answers.
func (s *shim) expectServe(b []byte) expectation {
	if s == lcow {
		return s.expectLCOW(b)
	}
	answer := s.answer(b)
	e := expectation{because: "the extracted readOptions answers " + short(answer.String()), want: s.after(answer)}
	switch url, _ := stdin.AnyParts(b); {
	case onlyLinkedHere(b):
		e.because += ", but this type is not linked into the program"
		e.want = Behavior{Kind: Refused}
	case slices.Contains(onlyLinkedThere, url):
		e.because += ", but this type is linked into the program, which treats it as it treats foreign types"
		e.want = Behavior{Kind: Refused}
		if verify.Known().Has(foreignPanics) {
			e.want.Kind = Panicked
		}
	}
	if e.finding = s.unexcused(e.want.finding); e.finding != nil {
		e.want = Behavior{Kind: e.want.Kind, Not: true}
	}
	return e
}

// after returns what serve does after its decoder has given this answer. It ends with an
// error that the decoder returns; then with an error about an invalid log level; then
// runhcs-v1 panics if the debug type is FILE, which it does not support.
func (s *shim) after(o contract.Outcome) Behavior {
	switch {
	case o.Kind == contract.Panic:
		return Behavior{Kind: Panicked, Text: firstLine(o.Panic)}
	case o.Kind.IsError() && s == lcow: // the error is predicted
		return Behavior{Kind: Refused}
	case o.Kind.IsError() || o.Kind == contract.OptionsAndError:
		return Behavior{Kind: Refused, Text: firstLine(o.Err.Error())}
	case o.Kind == contract.None:
		return Behavior{Kind: Accepted}
	}
	opts := o.Options.(*options.Options)
	_, listed := options.Options_DebugType_name[int32(opts.GetDebugType())]
	b := Behavior{Kind: Accepted}
	switch {
	case !knownLevel(opts.GetLogLevel()):
		b = invalidLevel(opts.GetLogLevel())
	case s == lcow:
	case opts.GetDebugType() == options.Options_FILE:
		b = Behavior{Kind: Panicked, Text: "file log output mode is not supported", finding: "debug-type-file-panics"}
	case !listed:
		b.finding = "unknown-debug-type-accepted"
	}
	b.WarnsOfDebug = opts.GetDebug() && opts.GetLogLevel() != "" && s != lcow
	return b
}

// knownLevel reports whether the shims accept a log level: an empty one, and those of
// logrus in upper or lower case.
func knownLevel(level string) bool {
	return slices.Contains([]string{"", "panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"},
		strings.ToLower(level))
}

// expectLCOW requires of lcow-v2's serve what the contract wants, except where an excused
// finding predicts another answer.
func (s *shim) expectLCOW(b []byte) expectation {
	right := reference.Answer(b)
	e := expectation{because: "the right answer is " + short(right.String()), want: s.after(right)}
	if f, wrong := s.excused().Predict(b, right); f != nil {
		e.because += ", and the excused " + f.Name + " predicts " + short(wrong.String())
		e.want = s.after(wrong)
	} else if f, _ := s.known().Predict(b, right); f != nil {
		e.finding = f
	}
	return e
}

// expectStart requires that start tells what its serve must do. That it hides a refusal
// may be excused.
func (s *shim) expectStart(b []byte) expectation {
	e := s.expectServe(b)
	switch {
	case e.want.Not:
	case e.want.Kind == Accepted:
		e.want.Told = toldWhere
	case !s.excused().Has(hidesRefusal):
		e.want.Told = toldNone
		e.finding = cmp.Or(e.finding, s.unexcused(hidesRefusal))
	}
	return e
}

// expectInfo requires of lcow-v2 what expectCreate does, but that no bytes are no options.
// runhcs-v1 has no -info.
func (s *shim) expectInfo(b []byte) expectation {
	if s == runhcs {
		return expectation{because: "it has no -info",
			want: Behavior{Kind: Refused, Text: "flag provided but not defined: -info"}}
	}
	return s.expectCreate(b)
}

// expectCreate requires of Create what CreateTask, as it was extracted, answers, which the
// suite holds to the contract (docs/contract.md, C1 to C3); and the same of lcow-v2's -info,
// but that it does not panic. nil are no options.
func (s *shim) expectCreate(b []byte) expectation {
	answer := verify.Creates()[0].Decode(bytes.NewReader(b), b)
	e := expectation{because: "the extracted CreateTask answers " + short(answer.String()),
		want: Behavior{Kind: Refused}}
	switch {
	case s == runhcs && b != nil && len(b) == 0:
		e.because = "an Any without a type is foreign"
	case onlyLinkedHere(b):
		e.because += ", but this type is not linked into the program"
	case answer.Kind == contract.Panic && s == lcow:
		e.because += ", and -info must not panic"
	case answer.Kind == contract.Panic:
		e.want = Behavior{Kind: Panicked, Text: firstLine(answer.Panic)}
	case !answer.Kind.IsError():
		e.want.Kind = Accepted
		if s.shows {
			e.want.Read = answer
		}
	}
	return e
}

// onlyLinkedHere reports whether the type of an Any is linked into this test but not into the
// program. The suite needs a containerd/api with BootstrapParams; a release that does not read
// these links an older one, which lacks some types.
func onlyLinkedHere(b []byte) bool {
	url, _ := stdin.AnyParts(b)
	name := stdin.TypeName(url)
	return verify.Known().Has("bootstrap-rejected") && (strings.HasPrefix(name, "containerd.runtime.bootstrap.v1.") ||
		name == "containerd.types.ActivationInfo" || name == "containerd.types.ActiveMount")
}

// onlyLinkedThere are types that are linked into the program only: hcsshim's
// internal/uvm, which builds only for Windows, registers them with typeurl.
var onlyLinkedThere = []string{
	"ncproxy/ncproxynetworking/Endpoint", "ncproxy/ncproxynetworking/Network",
	"ncproxy/hcn/HostComputeEndpoint", "ncproxy/hcn/HostComputeNetwork",
}

func (s *shim) expectDelete([]byte) expectation {
	return expectation{because: "it answers exit code 255 and a time, and does not read its standard input",
		want: Behavior{Kind: Accepted}}
}
