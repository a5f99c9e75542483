package windows

import (
	"fmt"
	"strconv"
	"strings"

	"shimfuzz/internal/contract"
)

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
