// Command shimfuzz does what "go test" cannot: it puts an hcsshim under test, replays and
// keeps what a fuzzer has found, and runs the fuzz targets one after another. All but extract,
// keep and summary run in the workspace that extract writes; these are run without one, so that
// they build when what is extracted does not.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// options are the user's choices.
type options struct {
	hcsshim, entry              string
	target, file, fuzztime, out string
	shrink                      bool
}

// command is a subcommand.
type command struct {
	name, help string
	flags      string // the names of those it takes
	run        func(o *options, root string) error
}

var commands = []command{
	{"extract", "put an hcsshim under test, and print the workspace for GOWORK", "hcsshim entry", extractHCSShim},
	{"repro", "show what a payload is, and what each decoder answers to it", "case target shrink", repro},
	{"keep", "keep a payload in fuzz/testdata: go test runs it from now on", "case target", keep},
	{"summary", "show what go test -json says: failures, what was skipped and why, findings", "", summary},
	{"fuzz", "run the fuzz targets one after another, with a table at the end", "fuzztime target", fuzzTargets},
	{"seeds", "write the seed archives and the dictionary that OSS-Fuzz starts from", "out", writeSeeds},
}

func main() {
	err := run(os.Args[1:])
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	if !errors.Is(err, gocmd.ErrReported) {
		fmt.Fprintf(os.Stderr, "shimfuzz: %v\n", err)
	}
	os.Exit(1)
}

func run(args []string) error {
	i := slices.IndexFunc(commands, func(c command) bool { return len(args) > 0 && c.name == args[0] })
	if i < 0 {
		fmt.Fprintln(os.Stderr, "usage: go run ./cmd/shimfuzz <subcommand> [flags]; -h after one lists its flags")
		for _, c := range commands {
			fmt.Fprintf(os.Stderr, "  %-8s %s\n", c.name, c.help)
		}
		if slices.Contains(args, "-h") {
			return flag.ErrHelp
		}
		return gocmd.ErrReported
	}
	o, err := parse(commands[i], args[1:])
	if err != nil {
		return err
	}
	root, err := settings.Root()
	if err != nil {
		return err
	}
	return commands[i].run(o, root)
}

// parse reads the flags of a subcommand.
func parse(c command, args []string) (*options, error) {
	o := new(options)
	all := flag.NewFlagSet("", flag.ContinueOnError)
	all.StringVar(&o.hcsshim, "hcsshim", os.Getenv(settings.HCSShim),
		"the hcsshim to test: a `version`, or the folder of a checkout")
	all.StringVar(&o.entry, "entry", os.Getenv(settings.Entry),
		"the `function` of hcsshim to test, such as internal/shimopts.Read")
	all.StringVar(&o.target, "target", "", "the only fuzz `target` to run, or the one that the case is an input of")
	all.StringVar(&o.file, "case", "", "`file` with a payload, or what a fuzzer has kept")
	all.StringVar(&o.fuzztime, "fuzztime", "30s", "how long each target fuzzes: a `time`, or executions, such as 2000x")
	all.StringVar(&o.out, "out", "", "the `folder` to write to")
	all.BoolVar(&o.shrink, "shrink", false, "first make an input that fails smaller, in its file")
	set := flag.NewFlagSet("shimfuzz "+c.name, flag.ContinueOnError)
	for name := range strings.FieldsSeq(c.flags) {
		f := all.Lookup(name)
		set.Var(f.Value, name, f.Usage)
	}
	if err := set.Parse(args); err != nil {
		return nil, errors.Join(err, gocmd.ErrReported) // by package flag
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", set.Arg(0))
	}
	return o, nil
}

func extractHCSShim(o *options, root string) error {
	if name := os.Getenv(settings.Findings); name != "" {
		if _, err := findings.Named(name); err != nil {
			return err // at once, not from each package of tests
		}
	}
	b, err := extract.Prepare(root, o.hcsshim, o.entry)
	if err != nil {
		return err
	}
	fmt.Println(b.Work)
	return nil
}
