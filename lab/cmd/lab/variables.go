package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance"
)

// places are where the values of make's variables go. lab/README.md says what they choose.
func (j *job) places() map[string]any {
	return map[string]any{
		settings.HCSShim: &j.test.HCSShim, settings.Entry: &j.test.Entry, settings.Findings: &j.test.Findings,
		"SEED": &j.Seed, "CHECKS": &j.Checks, "PAYLOADS": &j.Payloads, "LONGEST": &j.Longest, "LEVEL": &j.Level,
		"READER": &j.Reader, "OPTIONS": &j.Options, "EXPECTED": &j.Expected, "UPDATE": &j.Update, "CASE": &j.file,
		"FINDING": &j.finding, "FUZZTIME": &j.fuzztime, "REPO": &j.repo,
		"CONTACT": &j.contact, "MUTANT": &j.mutant, "SAMPLE": &j.sample,
	}
}

// parse reads the variables of a subcommand: its defaults, what the user has set in the
// environment, for "go test", and the arguments, NAME=value.
func (c command) parse(args []string) (*job, error) {
	j, takes := new(job), make(map[string]bool)
	for name := range strings.FieldsSeq(c.variables) {
		name, value, _ := strings.Cut(name, "=")
		takes[name] = true
		if name == settings.HCSShim || name == settings.Entry || name == settings.Findings {
			value = os.Getenv(name)
		}
		args = slices.Insert(args, 0, name+"="+value)
	}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if !takes[name] {
			return nil, fmt.Errorf("%q is no variable of this target: it takes %s", arg, cmp.Or(c.variables, "none"))
		}
		if want, ok := set(j.places()[name], value); !ok {
			return nil, fmt.Errorf("%s: want %s", arg, want)
		}
	}
	if j.Level != "" && !slices.Contains(conformance.Levels, j.Level) {
		return nil, fmt.Errorf("LEVEL=%s: want one of %s", j.Level, strings.Join(conformance.Levels, ", "))
	}
	var err error
	if j.test.Findings != "" {
		_, err = findings.All.Named(j.test.Findings)
	}
	return j, err
}

// set sets a variable, unless to nothing, and reports whether that is what its kind wants.
func set(place any, value string) (want string, ok bool) {
	if value == "" {
		return "", true
	}
	var err error
	switch p := place.(type) {
	case *string:
		*p = value
	case *bool:
		*p, err = strconv.ParseBool(value)
		return "0 or 1", err == nil
	case *int:
		*p, err = strconv.Atoi(value)
		return "a number, at least 1", err == nil && *p > 0
	case *time.Duration:
		*p, err = time.ParseDuration(value)
		return "a time, such as 60s", err == nil && *p > 0
	}
	return "", true
}
