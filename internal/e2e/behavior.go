// Package e2e holds the real shims, built for Windows, to the answers of the
// extracted readOptions.
//
// A shim's answer is read from what it prints and how it ends. "serve" with a
// socket that is none ends right after the options have been read: with the
// error of reading them, with the log level among them that is none, or, when it
// has nothing against them, with the complaint about the socket.
package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/e2e/wine"
)

// Kind is what a shim did with its stdin.
type Kind string

// The kinds. Each shows in another way.
const (
	Accepted Kind = "accepted" // with defaults or with options: the shim went on
	Refused  Kind = "refused"  // reading the options failed; Text is the error
	Level    Kind = "level"    // the options arrived, and their log level is none; Text is the level
	Panicked Kind = "panicked" // Text is the value
	Hung     Kind = "hung"     // had not ended when the limit was reached
	Odd      Kind = "odd"      // something else; Text is all there is
)

// Verdict is what was seen of a shim that was given a payload.
type Verdict struct {
	Kind Kind
	Text string
	Both bool // it warned that the options set Debug as well as LogLevel
}

func (v Verdict) String() string {
	s := string(v.Kind)
	if v.Kind == Level {
		s += " " + short(strconv.Quote(v.Text))
	} else if v.Text != "" {
		s += ": " + short(v.Text)
	}
	if v.Both {
		s += " (and warned of Debug beside LogLevel)"
	}
	return s
}

// short keeps a text of megabytes off the screen.
func short(s string) string {
	const most = 400
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", s[:most], len(s))
}

// Program is one of the shims, as far as its words differ.
type Program struct {
	Name     string
	refusals []string // what stands before the error of reading the options
	accepts  []string // what it says when it has read them and goes on
}

// The programs.
var (
	RunhcsV1 = Program{
		Name:     "containerd-shim-runhcs-v1",
		refusals: []string{"failed to read shim options from stdin: "},
		accepts:  []string{"socket is required to be pipe address"},
	}
	// LcowV2 looks at its Windows after the options, and Wine's is too old for
	// it; on a newer one it misses the namespace on its command line.
	LcowV2 = Program{
		Name:     "containerd-shim-lcow-v2",
		refusals: []string{"containerd-shim-lcow-v2: failed to unmarshal bootstrap params: ", "containerd-shim-lcow-v2: failed to extract runtime options from bootstrap params: "},
		accepts:  []string{"is not supported", "shim namespace cannot be empty"},
	}
)

const bothWarning = "Both Debug and LogLevel specified"

var levelError = regexp.MustCompile(`(?m)^(?:containerd-shim-lcow-v2: )?failed to parse shim log level ("(?:[^"\\]|\\.)*"): `)

// Read reads the verdict from a run of serve.
func (p Program) Read(r wine.Result) Verdict {
	said := r.Stderr + r.Stdout
	v := p.read(r, said)
	v.Both = strings.Contains(said, bothWarning)
	return v
}

func (p Program) read(r wine.Result, said string) Verdict {
	if r.Late {
		return Verdict{Kind: Hung, Text: said}
	}
	if text, ok := after(said, "panic: "); ok && r.Exit == 2 {
		return Verdict{Kind: Panicked, Text: text}
	}
	if text, ok := after(said, "fatal error: "); ok && r.Exit == 2 {
		return Verdict{Kind: Panicked, Text: text}
	}
	if r.Exit != 1 {
		return odd(r, said)
	}
	if m := levelError.FindStringSubmatch(said); m != nil {
		if level, err := strconv.Unquote(m[1]); err == nil {
			return Verdict{Kind: Level, Text: level}
		}
	}
	for _, refusal := range p.refusals {
		if text, ok := after(said, refusal); ok {
			return Verdict{Kind: Refused, Text: text}
		}
	}
	for _, accept := range p.accepts {
		if strings.Contains(said, accept) {
			return Verdict{Kind: Accepted}
		}
	}
	return odd(r, said)
}

func odd(r wine.Result, said string) Verdict {
	return Verdict{Kind: Odd, Text: fmt.Sprintf("exit code %d, printed %q", r.Exit, short(said))}
}

// ReadStart reads the verdict of the serve that start has started from its
// panic.log, or from start itself, should that tell.
func (p Program) ReadStart(r wine.Result, panicLog string) Verdict {
	serve := wine.Result{Stderr: panicLog + r.Stderr, Exit: 1, Late: r.Late}
	if strings.Contains(panicLog, "\ngoroutine ") {
		serve.Exit = 2
	}
	v := p.Read(serve)
	if v.Kind == Odd && !strings.Contains(serve.Stderr, "failed") && r.Left {
		v.Kind, v.Text = Accepted, ""
	}
	return v
}

// after returns the rest of the line that begins with prefix.
func after(said, prefix string) (string, bool) {
	if !strings.HasPrefix(said, prefix) {
		at := strings.Index(said, "\n"+prefix)
		if at < 0 {
			return "", false
		}
		said = said[at+1:]
	}
	text, _, _ := strings.Cut(said[len(prefix):], "\n")
	return plain(strings.TrimRight(text, "\r")), true
}

// plain undoes what protobuf does to keep programs from relying on its errors:
// in some builds it writes a space of another kind.
func plain(s string) string { return strings.ReplaceAll(s, "\u00a0", " ") }

// ServeAfter is what runhcs-v1's serve does with an answer of readOptions: an
// error ends it; a log level that is none does, and then the debug type of which
// it knows that it cannot do it.
func ServeAfter(o contract.Outcome) Verdict {
	switch {
	case o.Kind == contract.Panic:
		text, _, _ := strings.Cut(o.Panic, "\n")
		return Verdict{Kind: Panicked, Text: text}
	case o.Kind.IsError() || o.Kind == contract.OptionsAndError:
		return Verdict{Kind: Refused, Text: firstLine(o.Err)}
	case o.Kind == contract.None:
		return Verdict{Kind: Accepted}
	}
	v := afterLevel(o.Options.GetLogLevel())
	v.Both = o.Options.GetDebug() && o.Options.GetLogLevel() != ""
	if v.Kind == Accepted && o.Options.GetDebugType() == options.Options_FILE {
		v.Kind, v.Text = Panicked, "file log output mode is not supported"
	}
	return v
}

// firstLine is an error as a Verdict has it.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return plain(text)
}

// afterLevel is what both shims do with a log level: none at all is well, and
// so is one that logrus knows, in any case of its letters.
func afterLevel(level string) Verdict {
	switch strings.ToLower(level) {
	case "", "panic", "fatal", "error", "warn", "warning", "info", "debug", "trace":
		return Verdict{Kind: Accepted}
	}
	return Verdict{Kind: Level, Text: level}
}
