// Package verify checks one answer of one decoder against the contract, excuses
// known findings, and reports a failure so that it can be understood and replayed.
package verify

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
)

// TB is what testing.T, testing.F and rapid.T have in common here.
type TB interface {
	Helper()
	Name() string
	Fatalf(format string, args ...any)
}

// Check is a payload and what a decoder must answer to it.
type Check struct {
	Guarantee contract.Guarantee
	Payload   payload.Payload
	Reader    io.Reader // what delivers the payload; nil for a plain one
	Cause     error     // the error that Reader fails with, if it does
	Replay    bool      // a case of the corpus: a finding that befalls it must still do so
}

// UnderTest is the decoder under test: hcsshim's, or a reader in a process.
var UnderTest = underTest()

func underTest() contract.Decoder {
	if line := os.Getenv(settings.Reader); line != "" {
		return externalReader(line)
	}
	return contract.Decoder{Name: "hcsshim", Read: hcsshim.ReadOptions}
}

// Decoders are the two that every property is run on, or the one that is asked
// for, because only that one is a mutant, or a reader.
var Decoders = slices.DeleteFunc([]contract.Decoder{reference.Decoder, UnderTest}, func(d contract.Decoder) bool {
	only := os.Getenv(settings.Decoder)
	return only != "" && d.Name != only
})

// Known is what is known of the decoder under test; Excused is what of that is
// not to fail a test, by the user's choice.
var (
	Known   = known()
	Excused = excused()
)

// known is nothing of a reader in a process, unless the user says whose findings
// it has.
func known() findings.List {
	if os.Getenv(settings.Reader) == "" {
		return findings.For(hcsshim.Version())
	}
	if name := os.Getenv(settings.Findings); name != "" {
		return named(name)
	}
	return findings.List{Name: "none"}
}

func excused() findings.List {
	if name := os.Getenv(settings.Findings); name != "" {
		return named(name)
	}
	return Known
}

// named is the findings that the user names. What a reader in a process links is
// its own affair; it is taken for what its release links.
func named(name string) findings.List {
	list, err := findings.Named(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if os.Getenv(settings.Reader) != "" {
		return list.AsReleased()
	}
	return list
}

// Run decodes and fails t unless the answer is right, or wrong in just the way
// that an excused finding predicts. It returns the answer, and whether it was
// excused.
func Run(t TB, d contract.Decoder, c Check) (got contract.Outcome, isExcused bool) {
	t.Helper()
	r := c.Reader
	if r == nil {
		r = bytes.NewReader(c.Payload.Bytes)
	}
	got = d.Decode(r, c.Payload.Bytes)
	if d.Name == reference.Decoder.Name {
		c.fail(t, d, got, contract.Diff(c.Payload.Want, got, c.Cause), nil, "")
		return got, false
	}
	if c.Payload.Want.Kind == contract.Options && payload.Unspecified(c.Payload.Bytes) && !got.Kind.AlwaysWrong() {
		if contract.Diff(c.Payload.Want, got, nil) != "" {
			count("unspecified")
		}
		return got, true
	}
	return got, c.judge(t, d, got)
}

// judge holds hcsshim's answer against the contract and the findings.
func (c Check) judge(t TB, d contract.Decoder, got contract.Outcome) (isExcused bool) {
	t.Helper()
	diff := contract.Diff(c.Payload.Want, got, c.Cause)
	if c.Cause != nil { // what a failing reader delivers is not decoded
		c.fail(t, d, got, diff, nil, "")
		return false
	}
	if diff == "" && !c.Replay {
		return false
	}
	finding, predicted := Excused.Predict(c.Payload.Bytes, c.Payload.Want)
	switch {
	case finding == nil:
		c.fail(t, d, got, diff, c.known(got), "")
	case diff == "":
		c.fail(t, d, got, "the right answer", finding, gone(finding))
	case !findings.Matches(predicted, got):
		c.fail(t, d, got, diff, finding, changed(finding, predicted))
	default:
		count(finding.Name)
		return true
	}
	return false
}

// known names the finding that explains the answer though it is not excused.
func (c Check) known(got contract.Outcome) *findings.Finding {
	finding, predicted := Known.Predict(c.Payload.Bytes, c.Payload.Want)
	if finding != nil && findings.Matches(predicted, got) {
		return finding
	}
	return nil
}

func gone(f *findings.Finding) string {
	return fmt.Sprintf("The finding %s no longer reproduces on this payload. If a checkout has mended it, run with\n"+
		"FINDINGS=%s,-%s; if a release has, say which (Fixed, in internal/findings/known.go).", f.Name, Excused.Name, f.Name)
}

func changed(f *findings.Finding, predicted contract.Outcome) string {
	return fmt.Sprintf("The finding %s predicts another wrong answer here: %v.\n"+
		"Either this is a new defect, or the prediction in internal/findings/known.go is to be mended.", f.Name, predicted)
}

// fail reports the difference, if there is one.
func (c Check) fail(t TB, d contract.Decoder, got contract.Outcome, diff string, finding *findings.Finding, advice string) {
	t.Helper()
	if diff == "" {
		return
	}
	var b strings.Builder
	row := func(name, value string) {
		fmt.Fprintf(&b, "%-10s %s\n", name, strings.ReplaceAll(strings.TrimRight(value, "\n"), "\n", "\n           "))
	}
	b.WriteString("\n")
	if finding != nil {
		row("finding", finding.Name+": "+finding.Happens)
	}
	if got.Kind.AlwaysWrong() {
		c.Guarantee = contract.NeverPanics
	}
	row("guarantee", c.Guarantee.String())
	row("decoder", DecoderName(d))
	row("want", c.Payload.Want.String())
	row("got", got.String())
	row("difference", diff)
	if got.Kind == contract.Panic {
		row("panic", got.Panic)
	}
	if advice != "" {
		row("to do", advice)
	}
	row("payload", fmt.Sprintf("%s; %d bytes, read as %s:", c.Payload.Story, len(c.Payload.Bytes), FamilyName(c.Payload.Bytes)))
	b.WriteString(Dump(c.Payload.Bytes))
	row("hex", shortHex(c.Payload.Bytes))
	row("replay", c.replay(t))
	t.Fatalf("%s", b.String())
}

// DecoderName names a decoder with the version under test.
func DecoderName(d contract.Decoder) string {
	switch {
	case d.Name != UnderTest.Name:
		return d.Name
	case os.Getenv(settings.Reader) != "":
		return "reader " + os.Getenv(settings.Reader)
	}
	return "hcsshim " + hcsshim.Source()
}

const maxHex = 512

func shortHex(b []byte) string {
	if len(b) > maxHex {
		return hex.EncodeToString(b[:maxHex]) + "… (the replay file has all of it)"
	}
	return hex.EncodeToString(b)
}

// replay is the command that shows the failure again. How the bytes are
// delivered is not in a payload's file.
func (c Check) replay(t TB) string {
	if keeper, ok := t.(interface{ Replay() string }); ok { // an engine that keeps the input itself
		return keeper.Replay()
	}
	line := save(t.Name(), c.Payload.Bytes)
	if c.Reader == nil {
		return line
	}
	return line + "\nshows the payload, but the reader is part of this failure: run " + t.Name() + " again, with its seed or kept input"
}

// save keeps the payload of a failing test and returns the command that replays
// it.
func save(test string, b []byte) string {
	name, err := Save(test, b)
	if err != nil {
		return fmt.Sprintf("the payload could not be saved: %v", err)
	}
	return settings.ReproCommand(name)
}

// Save keeps the payload of a failing test, one file a test, so that the last
// one, which is the smallest after shrinking, remains.
func Save(test string, b []byte) (name string, err error) {
	dir, err := buildDir()
	if err == nil {
		dir = filepath.Join(dir, "failures")
		err = os.MkdirAll(dir, 0o777)
	}
	if err != nil {
		return "", err
	}
	name = filepath.Join(dir, strings.NewReplacer("/", "_", "#", "_").Replace(test)+".bin")
	return name, os.WriteFile(name, b, 0o666)
}

// buildDir is where this build keeps its files: the make program says so, and
// without it the tree's own build is meant.
func buildDir() (string, error) {
	if dir := os.Getenv(settings.Build); dir != "" {
		return dir, nil
	}
	root, err := settings.Root()
	return filepath.Join(root, "build", "default"), err
}
