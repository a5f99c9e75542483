// Command lab is what the targets of the lab's Makefile run: each is a subcommand, which is
// given make's variables as make is.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance"
	"shimfuzz/lab/workspace"
)

func main() {
	name := "help"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	err := run(name, os.Args[min(2, len(os.Args)):])
	if err == nil {
		return
	}
	if !errors.Is(err, gocmd.ErrReported) {
		fmt.Fprintf(os.Stderr, "make -C lab %s: %v\n", name, err)
	}
	os.Exit(1)
}

// job is what a subcommand works on: the user's choices, and what they come to.
type job struct {
	conformance.Settings               // of a reader; the seed and the numbers are also those of other tests
	test                 settings.Test // for the processes of the tests of the hcsshim under test

	finding, file, mutant, repo, contact string
	fuzztime                             time.Duration
	sample                               int

	root string
	b    *extract.Build // with the hcsshim under test, where the subcommand needs one
}

func run(name string, args []string) error {
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	switch {
	case name == "help", name == "-h":
		printHelp(os.Stdout)
		return nil
	case i < 0:
		return errors.New("there is no such target; make -C lab lists them")
	}
	c := commands[i]
	j, err := c.parse(args)
	if err == nil {
		err = j.prepare(c.build)
	}
	if err != nil {
		return err
	}
	// From here on an interrupt is for the subcommand to deal with. Extraction
	// writes whole files only and can simply end.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = c.run(ctx, j)
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// prepare puts the hcsshim under test, if that is to be built, and says what it is.
func (j *job) prepare(build bool) (err error) {
	if j.root, err = settings.Root(); err == nil {
		err = os.Chdir(j.root) // from which all paths are
	}
	if err != nil || !build {
		return err
	}
	b, err := extract.Prepare(j.root, j.test.HCSShim, j.test.Entry)
	if err != nil {
		return err
	}
	if j.HCSShim = b.Source.Name; j.test.HCSShim != "" {
		j.test.HCSShim = b.Source.Name
	}
	fmt.Printf("hcsshim %s\n", b.Source.Name)
	if j.test.Findings != "" {
		fmt.Printf("  excused findings: %s\n", j.test.Findings)
	}
	// The lab's own tests and programs that hold something to the hcsshim under test.
	j.b, err = workspace.Edited(b, "lab", "-use="+filepath.Join(j.root, "lab"))
	return err
}

// places are where the values of make's variables go, each with what it wants.
// lab/README.md says what they choose.
func (j *job) places() *flag.FlagSet {
	all := flag.NewFlagSet("", flag.ContinueOnError)
	for name, place := range map[string]*string{
		settings.HCSShim: &j.test.HCSShim, settings.Entry: &j.test.Entry, settings.Findings: &j.test.Findings,
		"READER": &j.Reader, "OPTIONS": &j.Options, "LEVEL": &j.Level, "EXPECTED": &j.Expected, "TEST": &j.Only,
		"CASE": &j.file, "FINDING": &j.finding, "MUTANT": &j.mutant, "REPO": &j.repo, "CONTACT": &j.contact,
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
