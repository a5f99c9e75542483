package main

import (
	"cmp"
	"fmt"
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
		"FINDING": &j.finding, "FUZZTIME": &j.fuzztime, "SANITIZER": &j.sanitizer, "REPO": &j.repo,
		"CONTACT": &j.contact, "MUTANT": &j.mutant, "SAMPLE": &j.sample,
	}
}

// parse reads the variables of a subcommand: its defaults, what the user has set in the
// environment, for "go test", and the arguments, NAME=value.
func (c command) parse(args []string) (*job, error) {
	user, err := settings.Load()
	if err != nil {
		return nil, err
	}
	environ := []string{settings.HCSShim + "=" + user.HCSShim, settings.Entry + "=" + user.Entry,
		settings.Findings + "=" + user.Findings}
	environ = slices.DeleteFunc(environ, func(arg string) bool { return !c.takes(arg) })
	j := new(job)
	for _, arg := range slices.Concat(strings.Fields(c.variables), environ, args) {
		if !c.takes(arg) {
			return nil, fmt.Errorf("%q is no variable of this target: it takes %s", arg, cmp.Or(c.variables, "none"))
		}
		if err := j.set(arg); err != nil {
			return nil, err
		}
	}
	if j.test.Findings != "" {
		_, err = findings.All.Named(j.test.Findings)
	}
	return j, err
}

// takes reports whether an argument is for a variable of the subcommand.
func (c command) takes(arg string) bool {
	name, _, _ := strings.Cut(arg, "=")
	return slices.ContainsFunc(strings.Fields(c.variables), func(v string) bool {
		return strings.HasPrefix(v+"=", name+"=")
	})
}

// set sets a variable, unless to nothing.
func (j *job) set(arg string) (err error) {
	name, value, _ := strings.Cut(arg, "=")
	if value == "" {
		return nil
	}
	valid, want := true, "one of "+strings.Join(conformance.Levels, ", ")
	switch p := j.places()[name].(type) {
	case *string:
		*p = value
		valid = name != "LEVEL" || slices.Contains(conformance.Levels, value)
	case *bool:
		*p, err = strconv.ParseBool(value)
		want = "0 or 1"
	case *int:
		*p, err = strconv.Atoi(value)
		valid, want = *p > 0, "a number, at least 1"
	case *time.Duration:
		*p, err = time.ParseDuration(value)
		valid, want = *p > 0, "a time, such as 60s"
	default:
		valid, want = false, "no such variable"
	}
	if !valid || err != nil {
		return fmt.Errorf("%s: want %s", arg, want)
	}
	return nil
}
