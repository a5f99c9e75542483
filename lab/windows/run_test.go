package windows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/windows/wine"
)

// shim is a program that make -C lab e2e has built.
type shim struct {
	name     string   // of its executable file, without .exe
	programs []string // its names in package findings, its own first
	refusals []string // what stands before the error in its output when it refuses a payload, after its name
	accepts  []string // what is in its output when it has accepted a payload

	file  string // its executable file
	shows bool   // its output has the options that it was given as a bare Any
}

// The shims. lcow-v2 checks the version of Windows after the options; on one that it knows it fails
// because its command line has no namespace.
var (
	runhcs = &shim{name: "containerd-shim-runhcs-v1", programs: []string{findings.RunHCS, findings.ReadOptions},
		refusals: []string{"failed to read shim options from stdin: ", "Incorrect Usage. "},
		accepts:  []string{"socket is required to be pipe address"}}
	lcow = &shim{name: "containerd-shim-lcow-v2", programs: []string{findings.LCOW},
		refusals: []string{"failed to unmarshal bootstrap params: ",
			"failed to extract runtime options from bootstrap params: ", "failed to read runtime options "},
		accepts: []string{"is not supported", "shim namespace cannot be empty"}}
)

// command is a way to give a payload to a shim.
type command struct {
	name   string
	args   []string
	limit  time.Duration                             // of a run: several hundred times what it takes
	read   func(*shim, observed) Behavior            // nil for Create, which is called
	expect func(s *shim, payload []byte) expectation // what it must do
}

// The commands. start reaches its limit where it hangs.
var (
	serve  = command{"serve", []string{"serve", "-socket", "bad"}, time.Minute, (*shim).read, (*shim).expectServe}
	start  = command{"start", []string{"start"}, 20 * time.Second, (*shim).readStart, (*shim).expectStart}
	info   = command{"-info", []string{"-info"}, time.Minute, (*shim).readInfo, (*shim).expectInfo}
	remove = command{"delete", []string{"-bundle", ".", "delete"}, time.Minute, (*shim).read, (*shim).expectDelete}
	create = command{"create", nil, time.Minute, nil, (*shim).expectCreate}
)

// commands are those of each shim that read options.
var commands = map[*shim][]command{
	runhcs: {serve, create, start},
	lcow:   {serve, info, start},
}

// observed is what was observed of one run.
type observed struct {
	wine.Result
	output string // all of it, with that of a serve that start starts, which is in panic.log in the bundle
	id     string // of the container
}

// do gives a payload to a command.
func (s *shim) do(t testing.TB, c command, p payload) Behavior {
	t.Helper()
	if c.read == nil {
		return s.create(t, p)[0]
	}
	id, args := containerID(), c.args
	if s == lcow && c.name == serve.name {
		args = args[:1]
	} else {
		args = append(Flags(id), args...)
	}
	r := run(t, s.file, c.limit, p.Bytes, args...)
	r.id = id
	got := c.read(s, r)
	got.run, got.WarnsOfDebug = r, strings.Contains(r.output, "Both Debug and LogLevel specified")
	return got
}

// runs numbers the runs of this process. Pipes are named after the container, and two runs
// must not use the same pipe at the same time. repeated counts those in which Wine has failed.
var runs, repeated atomic.Int64

func containerID() string { return fmt.Sprintf("e2e-%d-%d", os.Getpid(), runs.Add(1)) }

// run runs a program in a bundle. It repeats once a run in which Wine has failed: it has made
// no process, which is an error of the client's CreateProcess; or, as about one run of lcow-v2
// in a thousand does, with any payload, the run ended without any output. If the shim is the
// cause, it happens again.
func run(t testing.TB, program string, limit time.Duration, stdin []byte, args ...string) observed {
	t.Helper()
	for again := false; ; again = true {
		bundle := t.TempDir()
		err1 := os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"), 0o666)
		r, err2 := host.Run(context.Background(), wine.Command{Program: program, Args: args, Dir: bundle, Stdin: stdin,
			Limit: limit})
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		panicLog, _ := os.ReadFile(filepath.Join(bundle, "panic.log")) // only start makes one
		output := string(panicLog) + r.Stderr + r.Stdout
		failed := output == "" && !r.TimedOut || strings.HasSuffix(strings.TrimSpace(r.Stderr), ": Internal error.")
		if again || !failed || runtime.GOOS == "windows" {
			return observed{Result: r, output: output}
		}
		say("%s: %s failed to run, exit code %d, and is run again", t.Name(), filepath.Base(program), r.Exit)
		if n := repeated.Add(1); n > max(10, runs.Load()/200) {
			t.Fatalf("%d of %d runs failed, more than can be attributed to Wine", n, runs.Load())
		}
	}
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
	address := `\\.\pipe\ProtectedPrefix\Administrators\containerd-shim-` + Namespace + "-" + r.id + "-pipe"
	if s == lcow {
		address = `{"version":3,"address":` + strconv.Quote(address) + `,"protocol":"ttrpc"}`
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
		return unrecognized("printed %q", r.output)
	}
	return Behavior{Kind: Accepted, Read: grammar.Sent(opts)}
}

// create calls Create of the shim once for each payload, and returns what the shim did.
func (s *shim) create(t testing.TB, rows ...payload) (all []Behavior) {
	t.Helper()
	debug := wire.Message{wire.Varint(1, 1)}.Encode()
	order := Order{Shim: s.file, ID: containerID(), Stdin: grammar.PlainAny(contract.OptionsName, debug)}
	for _, p := range rows {
		order.Options = append(order.Options, p.Bytes)
	}
	in, _ := json.Marshal(order) // strings and bytes always have a JSON form
	limit := time.Minute + time.Duration(len(rows))*time.Second
	r := run(t, filepath.Join(*dir, Client), limit, in)
	if r.Exit != 0 && !r.TimedOut {
		t.Fatalf("the client failed: exit code %d, %s", r.Exit, r.Stderr)
	}
	replies := json.NewDecoder(strings.NewReader(r.Stdout))
	for range rows {
		var reply Reply
		got := Behavior{Kind: Hung} // the first call did, the others were not made
		if replies.Decode(&reply) == nil {
			got = readCreate(reply)
		}
		all = append(all, got)
	}
	return all
}

// noContainer is in the error of a Create that has accepted the options: it opens
// this file of the bundle next, and the client gives it a bundle that does not exist.
const noContainer = `\missing\config.json: `

// readCreate returns what a reply shows of Create. A shim that was left running must still
// answer.
func readCreate(r Reply) Behavior {
	value, panicked := panicValue(r.PanicLog)
	switch {
	case r.Err == ttrpc.ErrClosed.Error() && panicked && r.Exit == 2:
		return Behavior{Kind: Panicked, Text: value}
	case !r.Alive:
		return unrecognized("answered %q, and ended with exit code %d: %s", r.Err, r.Exit, short(r.PanicLog))
	case strings.Contains(r.Err, noContainer) || r.Err == "":
		return Behavior{Kind: Accepted, Read: loggedOptions(r.Log)}
	}
	return Behavior{Kind: Refused, Text: firstLine(r.Err)}
}

// logged stands in the log before the options that Create has decoded (service_internal.go).
const logged = "parsed runhcs runtime options"

// loggedOptions returns the options in the log of one Create, which has them as JSON.
func loggedOptions(log string) contract.Outcome {
	_, text, found := strings.Cut(log, `msg="`+logged+`" options=`)
	if !found {
		return grammar.Sent(nil)
	}
	opts := new(options.Options)
	text, err := unquotePrefix(text)
	if err := errors.Join(err, protojson.Unmarshal([]byte(text), opts)); err != nil {
		return contract.Outcome{Kind: contract.Error, Err: fmt.Errorf("logged %s: %w", strconv.Quote(text), err)}
	}
	return grammar.Sent(opts)
}

// Kind is what a shim did with a payload.
type Kind string

// The kinds. A run shows exactly one of them.
const (
	Accepted     Kind = "accepted"          // the shim continued, with defaults or with options
	Refused      Kind = "refused"           // reading the options failed
	InvalidLevel Kind = "invalid log level" // the options arrived, and logrus does not know their log level
	Panicked     Kind = "panicked"
	Hung         Kind = "hung"         // it had not ended when the time limit was reached
	Unrecognized Kind = "unrecognized" // none of the above
)

// Behavior is what was observed of a shim that was given a payload, or what is
// expected of it: then Text, Told and Read are any if they are not set.
type Behavior struct {
	Kind Kind
	Not  bool // expected is anything but this kind

	// Text is the first line of the error for Refused, the log level for InvalidLevel,
	// the panic value for Panicked, all output for Hung, and the exit code and the
	// output for Unrecognized.
	Text string

	// WarnsOfDebug is whether the shim warned that the options set both Debug
	// and LogLevel.
	WarnsOfDebug bool

	Told string           // what start told about the serve that it has started
	Read contract.Outcome // the options that the shim says that it has read

	finding string   // the name of that which makes it do this, "" if none does
	run     observed // that showed it
}

// String describes the behavior in one line of limited length.
func (b Behavior) String() string {
	if b.Not {
		return "anything but " + string(b.Kind)
	}
	s := string(b.Kind)
	if b.Text != "" {
		s += ": " + short(b.Text)
	}
	if b.WarnsOfDebug {
		s += " (with the warning that Debug and LogLevel are both set)"
	}
	if b.Told != "" {
		s += "; start told " + b.Told
	}
	if b.Read.Kind != "" {
		s += ", having read: " + short(b.Read.String())
	}
	return s
}

// met reports whether a shim did what is expected: b.
func (b Behavior) met(got Behavior) bool {
	if b.Not {
		return b.Kind != got.Kind
	}
	return b.Kind == got.Kind && (b.Text == "" || b.Text == got.Text) && b.WarnsOfDebug == got.WarnsOfDebug &&
		(b.Told == "" || b.Told == got.Told) && b.difference(got) == ""
}

// difference tells how the options that the shim has read differ, "" if they do not.
func (b Behavior) difference(got Behavior) string {
	if b.Read.Kind == "" || got.Kind != Accepted {
		return ""
	}
	return contract.Diff(b.Read, got.Read)
}

// short shortens texts of several megabytes for display.
func short(s string) string {
	if len(s) > 400 {
		return fmt.Sprintf("%s… (%d bytes)", s[:400], len(s))
	}
	return s
}

// read returns the behavior that a run shows.
func (s *shim) read(r observed) Behavior {
	if r.TimedOut {
		return Behavior{Kind: Hung, Text: r.output}
	}
	if text, ok := panicValue(r.output); ok && r.Exit == 2 {
		return Behavior{Kind: Panicked, Text: text}
	}
	if r.Exit == 0 && strings.HasPrefix(r.Stdout, unknownExit) {
		return Behavior{Kind: Accepted}
	}
	output := strings.ReplaceAll("\n"+r.output, "\n"+s.name+": ", "\n")
	if text, ok := lineAfter(output, "failed to parse shim log level "); ok && r.Exit == 1 {
		if level, err := unquotePrefix(text); err == nil {
			return invalidLevel(level)
		}
	}
	for _, refusal := range s.refusals {
		if text, ok := lineAfter(output, refusal); ok && r.Exit == 1 {
			return Behavior{Kind: Refused, Text: text}
		}
	}
	for _, accept := range s.accepts {
		if strings.Contains(r.output, accept) && r.Exit == 1 {
			return Behavior{Kind: Accepted}
		}
	}
	return unrecognized("exit code %d, printed %q", r.Exit, short(r.output))
}

// unknownExit is how delete's DeleteResponse starts: field 2, the exit code, is 255.
const unknownExit = "\x10\xff\x01"

func unrecognized(format string, args ...any) Behavior {
	return Behavior{Kind: Unrecognized, Text: fmt.Sprintf(format, args...)}
}

// invalidLevel has the start of the level: the patched shim repeats no more of it.
func invalidLevel(level string) Behavior {
	return Behavior{Kind: InvalidLevel, Text: fmt.Sprintf("%.100s", level)}
}

// panicValue returns what Go prints of a panic.
func panicValue(output string) (string, bool) {
	output = strings.ReplaceAll("\n"+output, "\nfatal error: ", "\npanic: ")
	text, ok := lineAfter(output, "panic: ")
	return strings.TrimSuffix(text, " [recovered, repanicked]"), ok
}

// lineAfter returns the rest of the line of output that begins with prefix.
func lineAfter(output, prefix string) (string, bool) {
	_, text, found := strings.Cut("\n"+output, "\n"+prefix)
	return firstLine(text), found
}

// firstLine has plain spaces in place of the non-breaking one that protobuf puts into its
// errors in some builds, so that programs do not rely on their text.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.ReplaceAll(strings.TrimRight(line, "\r"), "\u00a0", " ")
}

// unquotePrefix returns the string whose literal a text begins with.
func unquotePrefix(text string) (string, error) {
	literal, _ := strconv.QuotedPrefix(text) // "" if it begins with none, which is no literal
	return strconv.Unquote(literal)
}
