package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance"
)

// places are where the values of make's variables go, each with what it wants.
// lab/README.md says what they choose.
func (j *job) places() *flag.FlagSet {
	all := flag.NewFlagSet("", flag.ContinueOnError)
	for name, place := range map[string]*string{
		settings.HCSShim: &j.test.HCSShim, settings.Entry: &j.test.Entry, settings.Findings: &j.test.Findings,
		"READER": &j.Reader, "OPTIONS": &j.Options, "LEVEL": &j.Level, "EXPECTED": &j.Expected, "CASE": &j.file,
		"FINDING": &j.finding, "MUTANT": &j.mutant, "REPO": &j.repo, "CONTACT": &j.contact,
	} {
		all.StringVar(place, name, "", "")
	}
	for name, place := range map[string]*int{
		"SEED": &j.Seed, "CHECKS": &j.Checks, "PAYLOADS": &j.Payloads, "LONGEST": &j.Longest, "SAMPLE": &j.sample,
	} {
		all.Func(name, "a number, at least 1", func(value string) (err error) {
			if *place, err = strconv.Atoi(value); *place < 1 {
				err = strconv.ErrRange
			}
			return err
		})
	}
	all.BoolVar(&j.Update, "UPDATE", false, "0 or 1")
	all.DurationVar(&j.fuzztime, "FUZZTIME", 0, "a time, such as 60s")
	return all
}

// parse reads the variables of a subcommand: its defaults, what the user has set in the
// environment, for "go test", and the arguments, NAME=value. One without a value is not set.
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
	places := j.places()
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		if !takes[name] {
			return nil, fmt.Errorf("%q is no variable of this target: it takes %s", arg, cmp.Or(c.variables, "none"))
		}
		if value != "" && places.Set(name, value) != nil {
			return nil, fmt.Errorf("%s: want %s", arg, places.Lookup(name).Usage)
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
