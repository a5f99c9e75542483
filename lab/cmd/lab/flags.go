package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"shimfuzz/fuzz"
	"shimfuzz/internal/settings"
)

// options are the user's choices.
type options struct {
	hcsshim, entry, findings, target, file, reader, sanitizer, mutant, expected, optionsType, repo, contact,
	finding text

	fuzztime                       budget
	level                          level
	seed, checks, payloads, sample number
	update, longest, alone         number
}

// option is a flag. Each stands for the variable of make of the same name.
type option struct {
	value flag.Value
	usage string
}

// all are the flags there are. Subcommands take some of them each.
func (o *options) all() map[string]option {
	return map[string]option{
		"hcsshim": {&o.hcsshim, "the hcsshim to test: a `version`, or the folder of a checkout"},
		"entry": {&o.entry,
			"the `function` of hcsshim to test, such as internal/shimopts.Read, if not readOptions"},
		"findings": {&o.findings,
			"which known findings are excused: none, or `those` of a release, such as v0.15.0,-identity-misread"},
		"finding":  {&o.finding, "the only `finding` to report"},
		"seed":     {&o.seed, "`number` that the generated payloads follow from"},
		"checks":   {&o.checks, "`number` of payloads that each property is checked on"},
		"payloads": {&o.payloads, "`number` of payloads that are made by mutation"},
		"fuzztime": {&o.fuzztime,
			"how long each target fuzzes: a `time`, or with Go's engine a number of executions, such as 2000x"},
		"target": {&o.target, "the only fuzz `target` to run, or the one that the case is an input of"},
		"case":   {&o.file, "`file` with a payload, or what a fuzzer has kept"},
		"reader": {&o.reader, "`command` that reads payloads, in hcsshim's place"},
		"options": {&o.optionsType,
			"the `type` of Options that the reader reads, if not hcsshim's: containerd.runc.v1.Options, or file:name " +
				"with a descriptor set"},
		"level":     {&o.level, "the `last level` of tests to run: required, recommended or freedoms"},
		"longest":   {&o.longest, "`number` of elements in a row that are walked: 1 is for a slow reader"},
		"expected":  {&o.expected, "`file` with the failures that are expected"},
		"update":    {&o.update, "`1` writes that file"},
		"sanitizer": {&o.sanitizer, "what the fuzzers are built for: `address or coverage`"},
		"mutant":    {&o.mutant, "a `part` of the names of the mutants to run"},
		"sample":    {&o.sample, "`number` of mutants to run, others each day or with another seed"},
		"alone":     {&o.alone, "`1` builds a test binary for each mutant, as a check"},
		"repo":      {&o.repo, "`address` that OSS-Fuzz clones this suite from"},
		"contact":   {&o.contact, "mail `address` that gets OSS-Fuzz's reports"},
	}
}

// parse reads the flags of a subcommand.
func parse(c command, args []string) (o options, err error) {
	user, err := settings.Load()
	if err != nil {
		return o, err
	}
	all := o.all()
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, f := range c.takes() {
		name, preset, found := strings.Cut(f, "=")
		if found {
			if err := all[name].value.Set(preset); err != nil {
				return o, err
			}
		}
		switch name { // which the user may have set for plain "go test"
		case "hcsshim":
			o.hcsshim = text(user.HCSShim)
		case "entry":
			o.entry = text(user.Entry)
		case "findings":
			o.findings = text(user.Findings)
		}
		set.Var(all[name].value, name, all[name].usage)
	}
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if _, known := all[name]; known && strings.HasPrefix(arg, "-") && set.Lookup(name) == nil {
			return o, fmt.Errorf("takes no %s", strings.ToUpper(name))
		}
	}
	err = set.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Printf("lab %s, as a target make -C lab %s: %s\n", c.name, c.name, c.help)
		set.SetOutput(os.Stdout)
		set.PrintDefaults()
	}
	if err == nil && set.NArg() > 0 {
		err = fmt.Errorf("%q is no flag", set.Arg(0))
	}
	return o, err
}

// takes are the flags of a subcommand, with their defaults.
func (c command) takes() []string {
	takes := strings.Fields(c.flags)
	if c.hcsshim {
		takes = append(takes, "entry")
	}
	return takes
}

// targets are the names of the fuzz targets to run.
func (o *options) targets() []string {
	if o.target != "" {
		return []string{string(o.target)}
	}
	return fuzz.Names()
}

// text is any text.
type text string

func (t *text) String() string { return string(*t) }

func (t *text) Set(s string) error {
	*t = text(s)
	return nil
}

// level is a level of the tests of a reader.
type level string

func (l *level) String() string { return string(*l) }

func (l *level) Set(s string) error {
	levels := []string{"required", "recommended", "freedoms"}
	if !slices.Contains(levels, s) {
		return fmt.Errorf("want one of %s", strings.Join(levels, ", "))
	}
	*l = level(s)
	return nil
}

// number is a number of things, at least one.
type number int

func (n *number) String() string { return strconv.Itoa(int(*n)) }

func (n *number) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 {
		return errors.New("want a number, at least 1")
	}
	*n = number(v)
	return nil
}

// budget is a time, or a number of executions.
type budget string

func (b *budget) String() string { return string(*b) }

func (b *budget) Set(s string) error {
	*b = budget(s)
	if count, found := strings.CutSuffix(s, "x"); found && new(number).Set(count) == nil {
		return nil
	}
	if _, err := b.duration(); err != nil {
		return errors.New("want a time, such as 60s, or with Go's engine a number of executions, such as 2000x")
	}
	return nil
}

// duration is the budget where only a time will do.
func (b budget) duration() (time.Duration, error) {
	d, err := time.ParseDuration(string(b))
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("FUZZTIME=%s: want a time, such as 60s", b)
	}
	return d, nil
}

// rapid are the flags of the properties. A run repeats exactly.
func (o *options) rapid() []string {
	return []string{
		fmt.Sprintf("-rapid.seed=%d", o.seed), fmt.Sprintf("-rapid.checks=%d", o.checks), "-rapid.nofailfile",
		"-rapid.shrinktime=3s",
	}
}

// walks are the tests that enumerate all that is small, which Wine makes slow.
const walks = "^TestWalk"

// readCase reads the case that the user names.
func (o *options) readCase() (*fuzz.Case, error) {
	if o.file == "" {
		return nil, errors.New("CASE=file is missing: a payload")
	}
	return fuzz.ReadCase(string(o.file), "")
}
