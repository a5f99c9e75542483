package conformance

import (
	"encoding/json"
	"fmt"

	"shimfuzz/internal/settings"
)

// Settings are those of a run that holds a reader to the contract, as settings.Test.Lab.
type Settings struct {
	Reader        string // the command
	Name, Version string // of a reader of package readers, "" for any other
	Engine        string // of an example reader, whose known defects are excused; "" for any other
	Options       string // the type that it reads as the user names it; "" is the program's
	Type          string // the same as optionstype.Find takes it; "" is hcsshim's
	Marked        bool   // it answers with a mark in the place of options
	HCSShim       string // whose Options are linked, for people
	Level         string // of tests
	Expected      string // file with the failures that are expected, "" for none
	Update        bool   // write that file
	Seed          int    // of the generated payloads
	Checks        int    // how many of those for each property
	Payloads      int    // how many are made by mutation
	Longest       int    // how many tokens in a row are enumerated

	test settings.Test
}

// SettingsOf reads what a process is told.
func SettingsOf(t settings.Test) (*Settings, error) {
	s := &Settings{test: t}
	if err := json.Unmarshal([]byte(t.Lab), s); err != nil {
		return nil, fmt.Errorf("make -C lab conformance runs this: %w", err)
	}
	return s, nil
}

// reproCommand is the line that puts a case to the reader with the same settings.
func (s *Settings) reproCommand(file string) string {
	line := "make -C lab repro " + s.test.CaseArguments(file) + " READER=" + settings.Quote(s.Reader)
	if s.Options != "" {
		line += " OPTIONS=" + settings.Quote(s.Options)
	}
	return line
}
