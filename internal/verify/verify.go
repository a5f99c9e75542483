// Package verify holds one answer of one decoder to the contract within a test:
// it asks package verdict, excuses known findings, and reports a failure so that
// it can be understood and replayed.
package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verdict"
)

// TB is what testing.T, testing.F and rapid.T have in common here.
type TB interface {
	Helper()
	Name() string
	Fatalf(format string, args ...any)
}

// Check is a payload and what a decoder must answer to it.
type Check struct {
	Guarantee  contract.Guarantee
	Payload    grammar.Payload
	Reader     io.Reader // what delivers the payload; nil for a plain one
	Reproduces bool      // a case of the corpus: a finding that affects it must still show
	File       string    // that keeps the payload of a failure, where a test can have several; "" is the test's name
}

// Run decodes and fails t unless the answer is right, or wrong in just the way
// that an excused finding predicts. It returns the answer and what it is.
func Run(t TB, d decoder.Decoder, c Check) (contract.Outcome, verdict.Kind) {
	t.Helper()
	readAgain()
	r := c.Reader
	if r == nil {
		r = bytes.NewReader(c.Payload.Bytes)
	}
	got := d.Decode(r, c.Payload.Bytes)
	if !IsReference(d) { // count each payload once
		decoded.Add(1)
	}
	v := c.Judge(d, got)
	if v.Fails() {
		r := c.Report(t, d, v, got)
		if own, ok := t.(failer); ok {
			own.Wrong(r, func() { d.Unrecovered(bytes.NewReader(c.Payload.Bytes)) })
		}
		t.Fatalf("%s", r)
	}
	return got, v.Kind
}

var decoded atomic.Int64

// Decoded is how many payloads the decoders under test have been given.
func Decoded() int64 { return decoded.Load() }

// failer is what fails in a way of its own, and is no test. It can decode the payload again, to let
// a panic of the decoder end the process.
type failer interface {
	Wrong(r verdict.Report, again func())
}

// Fail fails t for what a decoder did with a payload beside its answer. text says what is wrong.
func Fail(t TB, d decoder.Decoder, c Check, text string) {
	t.Helper()
	t.Fatalf("%s", c.Report(t, d, verdict.Verdict{Kind: verdict.Wrong, Other: text}, contract.Outcome{}))
}

// Judge decides on a decoder's answer, and counts it if it is excused.
func (c Check) Judge(d decoder.Decoder, got contract.Outcome) verdict.Verdict {
	decide := verdict.Of
	if c.Reproduces {
		decide = verdict.OfCase
	}
	known, excused := FindingsOf(d)
	v := decide(For(d, c.Payload), got, known, excused)
	if v.Kind == verdict.Known {
		results.Lock()
		defer results.Unlock()
		results.Excused[v.Finding.Name]++
	}
	return v
}

// For returns the payload with the right answer to it as an input of the decoder.
// An Any that is none by the rules of a shim's standard input alone, or that those
// take for BootstrapParams, has another one as CreateTaskRequest.Options.
func For(d decoder.Decoder, p grammar.Payload) grammar.Payload {
	if p.Input == d.Input {
		return p
	}
	isNone := func(o contract.Outcome) bool { return o.Kind == contract.None }
	if stdin.IsBootstrap(p.Bytes) || slices.ContainsFunc(p.Want.All(), isNone) {
		p.Want = reference.RunHCS.Want(contract.Create, p.Bytes)
	}
	p.Input = d.Input
	return p
}

// Report reports an answer that fails t, and notes it in the results.
func (c Check) Report(t TB, d decoder.Decoder, v verdict.Verdict, got contract.Outcome) verdict.Report {
	r := v.Report(For(d, c.Payload), got, c.Guarantee, Excused())
	r.Program, r.Replay = DecoderName(d), c.replay(t)
	if _, isNoTest := t.(failer); isNoTest {
		return r
	}
	if first := Record(t.Name(), r); first != t.Name() {
		r.First = first
	}
	return r
}

// DecoderName names a decoder with the version under test.
func DecoderName(d decoder.Decoder) string {
	switch {
	case d.Name == hcsshimName:
		return d.Name + " " + hcsshim.Current().Source
	case !IsReference(d) && d.Input == contract.Create:
		return hcsshimName + " " + hcsshim.Current().Source + ", " + d.Name
	}
	return d.Name
}

// replay is the command that shows the failure again. How the bytes are
// delivered is not in a payload's file.
func (c Check) replay(t TB) string {
	if keeper, ok := t.(interface{ Replay() string }); ok { // an engine that keeps the input itself
		return keeper.Replay()
	}
	name := c.Payload.Description // of a case that the corpus has
	if !c.Payload.IsKept() {
		var err error
		if name, err = Save(cmp.Or(c.File, t.Name()), c.Payload.Bytes); err != nil {
			return fmt.Sprintf("the payload could not be saved: %v", err)
		}
	}
	line := "make repro " + Settings().CaseArguments(name)
	if c.Reader == nil {
		return line
	}
	return line + "\nshows the payload, but the reader is part of this failure: run " + t.Name() +
		" again, with its seed or kept input"
}

// Repro says what a payload is, what a correct shim answers, and what the
// decoder under test answers; and the same as CreateTaskRequest.Options where an
// answer to those is not right. It reports whether each answer is right or excused.
func Repro(b []byte) (text string, passes bool) {
	passes = true
	for i, d := range append([]decoder.Decoder{UnderTest()}, Creates()...) {
		p := grammar.Payload{Bytes: b, Input: d.Input, Want: reference.RunHCS.Want(d.Input, b)}
		got := d.Decode(bytes.NewReader(b), b)
		known, excused := FindingsOf(d)
		v := verdict.Of(p, got, known, excused)
		passes = passes && !v.Fails()
		if i > 0 && v.Kind == verdict.Right {
			continue
		}
		r := v.Report(p, got, contract.GuaranteeOf(p.Want.Kind), Excused())
		r.Program = DecoderName(d)
		if v.Kind == verdict.Known {
			r.Advice = "Excused by the findings of " + Excused().Name + " (FINDINGS=none excuses nothing)."
		}
		text += r.String()
	}
	return text, passes
}

// Save keeps the payload of a failing test, one file a test, so that the last
// one, which is the smallest after shrinking, remains.
func Save(test string, b []byte) (name string, err error) {
	dir := cmp.Or(Settings().Build, hcsshim.Current().Build)
	if dir == "" {
		return "", hcsshim.ErrNotExtracted
	}
	// The path was made where hcsshim was extracted: a program for Windows adds the drive.
	if dir, err = filepath.Abs(filepath.Join(dir, "failures")); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	name = filepath.Join(dir, strings.NewReplacer("/", "_", "#", "_").Replace(test)+".bin")
	return name, os.WriteFile(name, b, 0o666)
}
