package windows

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/windows/wine"
)

// BehaviorKind is what a shim did with the payload on its standard input.
type BehaviorKind string

// The kinds. A run shows exactly one of them.
const (
	Accepted     BehaviorKind = "accepted"          // the shim continued, with defaults or with options
	Refused      BehaviorKind = "refused"           // reading the options failed
	InvalidLevel BehaviorKind = "invalid log level" // the options arrived, and logrus does not know their log level
	Panicked     BehaviorKind = "panicked"
	Hung         BehaviorKind = "hung"         // it had not ended when the time limit was reached
	Unrecognized BehaviorKind = "unrecognized" // none of the above
)

// Behavior is what was observed of a shim that was given a payload, or what is
// expected of it.
type Behavior struct {
	Kind BehaviorKind

	// Text is the first line of the error for Refused (when expected, "" is any
	// error), the log level for InvalidLevel, the panic value for Panicked, all
	// output for Hung, and the exit code and the output for Unrecognized.
	Text string

	// WarnsOfDebug is whether the shim warned that the options set both Debug
	// and LogLevel.
	WarnsOfDebug bool
}

// String describes the behavior in one line of limited length.
func (b Behavior) String() string {
	s := string(b.Kind)
	if b.Kind == InvalidLevel {
		s += " " + short(strconv.Quote(b.Text))
	} else if b.Text != "" {
		s += ": " + short(b.Text)
	}
	if b.WarnsOfDebug {
		s += " (with the warning that Debug and LogLevel are both set)"
	}
	return s
}

// maxShort is the longest text in bytes that a report shows.
const maxShort = 400

// short shortens texts of several megabytes for display.
func short(s string) string {
	if len(s) <= maxShort {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:maxShort], len(s))
}

// Program is one of the shims, with the messages by which its behavior is
// recognized.
type Program struct {
	Name     string // of its executable file, without .exe
	Findings string // its name in package findings
	refusals []string
	accepts  []string
}

// The programs.
var (
	RunHCS = Program{
		Name:     "containerd-shim-runhcs-v1",
		Findings: findings.RunHCS,
		refusals: []string{"failed to read shim options from stdin: "},
		accepts:  []string{"socket is required to be pipe address"},
	}
	// LCOW checks the version of Windows after the options, and Wine's is too old
	// for it. On a newer Windows it fails because its command line has no namespace.
	LCOW = Program{
		Name:     "containerd-shim-lcow-v2",
		Findings: findings.LCOW,
		refusals: []string{"containerd-shim-lcow-v2: failed to unmarshal bootstrap params: ",
			"containerd-shim-lcow-v2: failed to extract runtime options from bootstrap params: "},
		accepts: []string{"is not supported", "shim namespace cannot be empty"},
	}
)

const debugWarning = "Both Debug and LogLevel specified"

// Read returns the behavior that a run of serve shows.
func (p Program) Read(r wine.Result) Behavior {
	output := r.Stderr + r.Stdout
	b := p.read(r, output)
	b.WarnsOfDebug = strings.Contains(output, debugWarning)
	return b
}

func (p Program) read(r wine.Result, output string) Behavior {
	if r.TimedOut {
		return Behavior{Kind: Hung, Text: output}
	}
	for _, prefix := range []string{"panic: ", "fatal error: "} {
		if text, ok := lineAfter(output, prefix); ok && r.Exit == 2 {
			return Behavior{Kind: Panicked, Text: text}
		}
	}
	if r.Exit != 1 {
		return unrecognized(r, output)
	}
	for _, prefix := range []string{"", p.Name + ": "} {
		if text, ok := lineAfter(output, prefix+"failed to parse shim log level "); ok {
			if level, err := unquotePrefix(text); err == nil {
				return invalidLevel(level)
			}
		}
	}
	for _, refusal := range p.refusals {
		if text, ok := lineAfter(output, refusal); ok {
			return Behavior{Kind: Refused, Text: text}
		}
	}
	for _, accept := range p.accepts {
		if strings.Contains(output, accept) {
			return Behavior{Kind: Accepted}
		}
	}
	return unrecognized(r, output)
}

// unquotePrefix returns the string whose literal a text begins with.
func unquotePrefix(text string) (string, error) {
	literal, err := strconv.QuotedPrefix(text)
	if err != nil {
		return "", err
	}
	return strconv.Unquote(literal)
}

func unrecognized(r wine.Result, output string) Behavior {
	return Behavior{Kind: Unrecognized, Text: fmt.Sprintf("exit code %d, printed %q", r.Exit, short(output))}
}

// ReadStart returns the behavior of the serve process that a run of start has
// started. It reads panicLog, the contents of panic.log in the bundle, and the
// errors of start itself. A serve process that is still running has accepted the
// payload.
func (p Program) ReadStart(r wine.Result, panicLog string) Behavior {
	serve := wine.Result{Stderr: panicLog + r.Stderr, Exit: 1, TimedOut: r.TimedOut}
	if strings.Contains(panicLog, "\ngoroutine ") {
		serve.Exit = 2
	}
	b := p.Read(serve)
	if b.Kind == Unrecognized && !strings.Contains(serve.Stderr, "failed") && r.LeftRunning {
		b.Kind, b.Text = Accepted, ""
	}
	return b
}

// lineAfter returns the rest of the line of output that begins with prefix.
func lineAfter(output, prefix string) (string, bool) {
	if !strings.HasPrefix(output, prefix) {
		at := strings.Index(output, "\n"+prefix)
		if at < 0 {
			return "", false
		}
		output = output[at+1:]
	}
	text, _, _ := strings.Cut(output[len(prefix):], "\n")
	return plainSpaces(strings.TrimRight(text, "\r")), true
}

// plainSpaces replaces the non-breaking space that protobuf puts into its errors
// in some builds, so that programs do not rely on their text.
func plainSpaces(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

// ServeAfter returns what runhcs-v1's serve does after readOptions has given
// this answer. It ends with an error that readOptions returns; then with an
// error about an invalid log level; then with a panic if the debug type is FILE,
// which it does not support.
func ServeAfter(o contract.Outcome) Behavior {
	switch {
	case o.Kind == contract.Panic:
		text, _, _ := strings.Cut(o.Panic, "\n")
		return Behavior{Kind: Panicked, Text: text}
	case o.Kind.IsError() || o.Kind == contract.OptionsAndError:
		return Behavior{Kind: Refused, Text: firstLine(o.Err)}
	case o.Kind == contract.None:
		return Behavior{Kind: Accepted}
	}
	opts := o.Options.(*options.Options)
	b := afterLevel(opts.GetLogLevel())
	b.WarnsOfDebug = opts.GetDebug() && opts.GetLogLevel() != ""
	if b.Kind == Accepted && opts.GetDebugType() == options.Options_FILE {
		b.Kind, b.Text = Panicked, "file log output mode is not supported"
	}
	return b
}

// LCOWAfter returns what lcow-v2's serve does after its decoder has given this
// answer. Of the options it reads only the log level and what is to be scrubbed.
func LCOWAfter(o contract.Outcome) Behavior {
	switch {
	case o.Kind.IsError():
		return Behavior{Kind: Refused}
	case o.Kind == contract.None:
		return Behavior{Kind: Accepted}
	}
	return afterLevel(o.Options.(*options.Options).GetLogLevel())
}

// firstLine is an error as Behavior.Text has it.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return plainSpaces(text)
}

// afterLevel returns what both shims do with a log level. They accept an empty
// one, and those of logrus in upper or lower case.
func afterLevel(level string) Behavior {
	switch strings.ToLower(level) {
	case "", "panic", "fatal", "error", "warn", "warning", "info", "debug", "trace":
		return Behavior{Kind: Accepted}
	}
	return invalidLevel(level)
}

// invalidLevel has the start of the level: the patched shim repeats no more of it.
func invalidLevel(level string) Behavior {
	return Behavior{Kind: InvalidLevel, Text: fmt.Sprintf("%.100s", level)}
}
