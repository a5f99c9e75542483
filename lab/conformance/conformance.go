// Package conformance holds a reader in a process of its own to the contract, and tells
// the author of the reader, in any language, what it answers instead of what, and why.
package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/settings"
)

// Settings are those of a run that holds a reader to the contract, as settings.Test.Lab and
// report.json have them.
type Settings struct {
	Reader   string `json:"reader"`   // the command
	Name     string `json:"name"`     // of a reader of package readers, "" for any other
	Version  string `json:"version"`  // the same
	Engine   string `json:"engine"`   // of an example reader, whose known defects are excused; "" for any other
	Options  string `json:"options"`  // the type that it reads, as optionstype.Find takes it
	HCSShim  string `json:"hcsshim"`  // whose Options are linked, for people
	Level    string `json:"level"`    // of tests
	Only     string `json:"test"`     // the names of those to run, as in a list of expected failures; "" for all
	Expected string `json:"expected"` // file with the failures that are expected, "" for none
	Update   bool   `json:"update"`   // write that file
	Seed     int    `json:"seed"`     // of the generated payloads
	Checks   int    `json:"checks"`   // how many of those for each property
	Payloads int    `json:"payloads"` // how many are made by mutation
	Longest  int    `json:"longest"`  // how many tokens in a row are enumerated

	Test settings.Test `json:"-"` // of this process
}

// LoadSettings reads what this process is told.
func LoadSettings() (*Settings, error) {
	t, err := settings.Load()
	s := &Settings{Test: t}
	return s, errors.Join(err, json.Unmarshal([]byte(t.Lab), s))
}

// Run, in the suite's root, holds a reader to the contract, writes the reports into
// build/conformance, and a summary to w. It reports whether all is as it must be. The error
// is one line.
func Run(ctx context.Context, w io.Writer, s *Settings) (passes bool, err error) {
	dir := filepath.Join("build", "conformance", s.Engine)
	// The reports of an earlier run would be taken for this one's, if it ends early.
	if err := os.RemoveAll(dir); err != nil {
		return false, err
	}
	r, err := start(s)
	if err != nil {
		return false, err
	}
	return r.conform(ctx, w, dir, r.checks)
}

// conform is Run of a reader that has been started.
func (r *run) conform(ctx context.Context, w io.Writer, dir string, checks func(ask func(question))) (passes bool,
	err error) {
	defer r.reader.Close()
	r.dir = dir
	fmt.Fprint(w, r.header())
	if err = r.all(ctx, checks); err == nil {
		err = r.shrinkAll(ctx)
	}
	if err == nil {
		err = r.reader.Close()
	}
	if r.Interrupted = errors.Is(err, context.Canceled); err == nil || r.Interrupted {
		err = r.finish()
	}
	if err == nil {
		fmt.Fprint(w, r.summary())
	}
	return r.Green, err
}

// Repro reports what a payload is, what a correct reader answers to it, and what the
// reader does. It reports whether the answer is right or excused.
func Repro(ctx context.Context, w io.Writer, file string, s *Settings) (passes bool, err error) {
	payload, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	r, err := start(s)
	if err != nil {
		return false, err
	}
	defer r.reader.Close()
	var f *failure
	err = r.ask(ctx, []question{{payload: payload}}, func(q question, got contract.Outcome) { f = r.judge(q, got) })
	if err != nil {
		return false, err
	}
	fmt.Fprint(w, f.report(s, ""))
	return !f.verdict.Fails(), nil
}

// reproCommand is the line that puts a case to the reader with the same settings.
func (s *Settings) reproCommand(file string) string {
	line := "make -C lab repro " + s.Test.CaseArguments(file) + " READER=" + settings.Quote(s.Reader)
	if s.Options != contract.OptionsName {
		line += " OPTIONS=" + settings.Quote(s.Options)
	}
	return line
}
