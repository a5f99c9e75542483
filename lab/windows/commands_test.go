package windows

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/containerd/api/types"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
)

// command is a way to give a payload to a shim.
type command struct {
	name   string
	limit  time.Duration                             // of a run: several hundred times what it takes
	marks  bool                                      // the payload is also given with a marker in its options
	read   func(*shim, observed) Behavior            // nil for Create, which is called
	expect func(s *shim, payload []byte) expectation // what it must do
}

// The commands. start reaches its limit where it hangs.
var (
	serve  = command{"serve", time.Minute, false, (*shim).read, (*shim).expectServe}
	start  = command{"start", 20 * time.Second, false, (*shim).readStart, (*shim).expectStart}
	info   = command{"-info", time.Minute, false, (*shim).readInfo, (*shim).expectInfo}
	remove = command{"delete", time.Minute, false, (*shim).readDelete, (*shim).expectDelete}
	create = command{"create", time.Minute, false, nil, (*shim).expectCreate}
)

// marked is the command with what shows which options arrived.
func (c command) marked() command {
	c.marks = true
	return c
}

// commands are those of each shim that read options.
var commands = map[*shim][]command{
	runhcs: {serve.marked(), create, start.marked()},
	lcow:   {serve.marked(), info, start},
}

// do gives a payload to a command.
func (s *shim) do(t testing.TB, c command, p payload) (Behavior, observed) {
	t.Helper()
	if c.name == create.name {
		return s.create(t, p)[0], observed{}
	}
	return s.run(t, c, p.Bytes)
}

// check fails t unless the command does with a payload what it must, and returns what it
// did.
func (s *shim) check(t testing.TB, c command, p payload) Behavior {
	t.Helper()
	got, _ := s.do(t, c, p)
	s.judge(t, c, p, got)
	if c.marks {
		if marked := s.marked(t, p); marked != nil {
			got, _ := s.do(t, c, *marked)
			s.judge(t, c, *marked, got)
		}
	}
	return got
}

// judged counts the runs that were judged.
var judged atomic.Int64

// judge fails t unless what the command did is what it must do.
func (s *shim) judge(t testing.TB, c command, p payload, got Behavior) {
	t.Helper()
	judged.Add(1)
	e := c.expect(s, p.Bytes)
	if !e.want.met(got) {
		s.fail(t, c, p, verdict.Report{Verdict: verdict.Wrong, Finding: e.finding,
			Want: e.want.String() + "\nbecause " + e.because, Got: got.String(), Difference: e.want.difference(got)})
	}
}

// fail saves the payload, completes a report, and fails t with it.
func (s *shim) fail(t testing.TB, c command, p payload, r verdict.Report) {
	t.Helper()
	file, err := verify.Save(t.Name(), p.Bytes)
	if err != nil {
		t.Error(err)
	}
	args := verify.Settings().CaseArguments(file)
	r.Replay = "make -C lab e2e " + args + "   what the real shims do\n" +
		"make repro " + args + "   what the payload is, and what readOptions answers"
	r.Program = fmt.Sprintf("%s %s of hcsshim %s", s.name, c.name, hcsshim.Current().Source)
	r.Payload = p.Payload
	r.Guarantee = contract.GuaranteeOf(reference.Answer(p.Bytes).Kind)
	if r.Finding != nil {
		r.Guarantee = r.Finding.Breaks
	}
	r.Group = r.Guarantee.Name + ": " + r.Program
	verify.Record(t.Name(), r)
	t.Error(r.String())
}

// The values of Behavior.Told.
const (
	toldWhere = "where it serves"
	toldNone  = "that it does not run"
)

// readStart returns the behavior of the serve that start has started. One that is still
// running has accepted the payload.
func (s *shim) readStart(r observed) Behavior {
	told := fmt.Sprintf("exit code %d, and printed %q", r.Exit, r.Stdout)
	address := r.address
	if s == lcow {
		text, _ := json.Marshal(address) // a string always has a JSON form
		address = `{"version":3,"address":` + string(text) + `,"protocol":"ttrpc"}`
	}
	switch {
	case r.Exit != 0:
		told = toldNone
	case r.Stdout == address:
		told = toldWhere
	}
	// The serve of lcow-v2 is in a process group of its own, and start has waited for it.
	runs := r.LeftRunning || s == lcow && r.Exit == 0
	r.Exit = 1
	if strings.Contains(r.output, "\ngoroutine ") {
		r.Exit = 2
	}
	b := s.read(r)
	if b.Kind == Unrecognized && runs && !strings.Contains(r.output, "failed") {
		b.Kind, b.Text = Accepted, ""
	}
	b.Told = told
	return b
}

// readInfo returns what -info has decoded, which it prints in a RuntimeInfo.
func (s *shim) readInfo(r observed) Behavior {
	var printed types.RuntimeInfo
	opts := new(options.Options)
	switch {
	case r.Exit != 0 || r.TimedOut || r.Stderr != "" || proto.Unmarshal([]byte(r.Stdout), &printed) != nil:
		return s.read(r)
	case printed.Options == nil:
		return Behavior{Kind: Accepted, Read: grammar.Sent(nil)}
	case printed.Options.UnmarshalTo(opts) != nil: // another type
		return unrecognized(r)
	}
	return Behavior{Kind: Accepted, Read: grammar.Sent(opts)}
}

// readDelete returns whether delete has printed a DeleteResponse with the exit code, field 2,
// that stands for an unknown one: 255.
func (s *shim) readDelete(r observed) Behavior {
	if r.Exit == 0 && strings.HasPrefix(r.Stdout, "\x10\xff\x01") {
		return Behavior{Kind: Accepted}
	}
	return s.read(r)
}
