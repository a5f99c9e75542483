package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance"
)

// options are the user's choices.
type options struct {
	hcsshim, entry, findings, finding, file, reader, optionsType, level, expected, sanitizer, mutant string

	repo, contact                           string
	fuzztime                                time.Duration
	seed, checks, payloads, longest, sample int
	update                                  bool
}

// flags are those of all subcommands. Each stands for the variable of make of the same name.
func (o *options) flags() *flag.FlagSet {
	all := flag.NewFlagSet("", flag.ContinueOnError)
	all.StringVar(&o.hcsshim, "hcsshim", "", "the hcsshim to test: a `version`, or the folder of a checkout")
	all.StringVar(&o.entry, "entry", "",
		"the `function` of hcsshim to test, such as internal/shimopts.Read, if not readOptions")
	all.StringVar(&o.findings, "findings", "",
		"which known findings are excused: none, or `those` of a release, such as v0.15.0,-identity-misread")
	all.StringVar(&o.finding, "finding", "", "the only `finding` to report")
	all.IntVar(&o.seed, "seed", 0, "`number` that the generated payloads follow from")
	all.IntVar(&o.checks, "checks", 0, "`number` of payloads that each property is checked on")
	all.IntVar(&o.payloads, "payloads", 0, "`number` of payloads that are made by mutation")
	all.DurationVar(&o.fuzztime, "fuzztime", 0, "`how long` each target fuzzes")
	all.StringVar(&o.file, "case", "", "`file` with a payload")
	all.StringVar(&o.reader, "reader", "", "`command` that reads payloads, in hcsshim's place")
	all.StringVar(&o.optionsType, "options", "", "the `type` of Options that the reader reads, if not hcsshim's: "+
		"containerd.runc.v1.Options, or file:name with a descriptor set")
	all.StringVar(&o.level, "level", "", "the `last level` of tests to run: "+strings.Join(conformance.Levels, ", "))
	all.IntVar(&o.longest, "longest", 0, "`number` of tokens in a row that are enumerated: 1 is for a slow reader")
	all.StringVar(&o.expected, "expected", "", "`file` with the failures that are expected")
	all.BoolVar(&o.update, "update", false, "1 writes that file")
	all.StringVar(&o.sanitizer, "sanitizer", "", "what the fuzzers are built for: `address or coverage`")
	all.StringVar(&o.mutant, "mutant", "", "a `part` of the names of the mutants to run")
	all.IntVar(&o.sample, "sample", 0, "`number` of mutants to run, others each day or with another seed")
	all.StringVar(&o.repo, "repo", "", "`address` that OSS-Fuzz clones this suite from")
	all.StringVar(&o.contact, "contact", "", "mail `address` that gets OSS-Fuzz's reports")
	return all
}

// parse reads the flags of a subcommand. What the user has set in the environment, for
// "go test", is their default.
func parse(c command, args []string) (*options, error) {
	user, err := settings.Load()
	if err != nil {
		return nil, err
	}
	environ := map[string]string{"hcsshim": user.HCSShim, "entry": user.Entry, "findings": user.Findings}
	o := new(options)
	all := o.flags()
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for word := range strings.FieldsSeq(c.flags) {
		name, preset, _ := strings.Cut(word, "=")
		f := all.Lookup(name)
		if preset = cmp.Or(environ[name], preset); preset != "" {
			if err := f.Value.Set(preset); err != nil {
				return nil, err
			}
		}
		set.Var(f.Value, name, f.Usage)
	}
	err = set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Printf("lab %s, as a target make -C lab %s: %s\n", c.name, c.name, c.help)
		set.SetOutput(os.Stdout)
		set.PrintDefaults()
	case err == nil && set.NArg() > 0:
		err = fmt.Errorf("%q is no flag", set.Arg(0))
	case err == nil:
		err = o.validate(set)
	}
	return o, err
}

// validate checks what the user has chosen: a number is at least 1.
func (o *options) validate(given *flag.FlagSet) (err error) {
	given.Visit(func(f *flag.Flag) {
		switch v := f.Value.(flag.Getter).Get().(type) {
		case int:
			if v < 1 {
				err = fmt.Errorf("%s=%d: want a number, at least 1", strings.ToUpper(f.Name), v)
			}
		case time.Duration:
			if v <= 0 {
				err = fmt.Errorf("%s=%v: want a time, such as 60s", strings.ToUpper(f.Name), v)
			}
		}
	})
	if o.level != "" && !slices.Contains(conformance.Levels, o.level) {
		return fmt.Errorf("LEVEL=%s: want one of %s", o.level, strings.Join(conformance.Levels, ", "))
	}
	if o.findings != "" && err == nil {
		_, err = findings.All.Named(o.findings)
	}
	return err
}
