// Command shimfuzz does what "go test" cannot: it puts an hcsshim under test, replays and
// keeps what a fuzzer has found, runs the fuzz targets one after another, and writes the
// corpus.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"shimfuzz/internal/engine"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

// options are the user's choices.
type options struct {
	hcsshim, entry, findings string
	target, file, fuzztime   string
	check                    bool
}

// command is a subcommand.
type command struct {
	name, help string
	flags      string // the names of those it takes
	run        func(context.Context, *options, string) error
}

var commands = []command{
	{"extract", "put an hcsshim under test, and print the workspace for GOWORK", "hcsshim entry", extractHCSShim},
	{"repro", "show what a payload is, and what each decoder answers to it", "case target hcsshim entry findings",
		repro},
	{"keep", "keep a payload in fuzz/testdata: go test runs it from now on", "case target", keep},
	{"fuzz", "run the fuzz targets one after another, with a table at the end",
		"fuzztime target hcsshim entry findings", fuzz},
	{"corpus", "write corpus/, or with -check fail unless it is what would be written", "check", corpus},
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
	name := "help"
	if len(args) > 0 {
		name = args[0]
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		printHelp(os.Stderr)
		return fmt.Errorf("%s: there is no such subcommand", name)
	}
	o, err := parse(commands[i], args[1:])
	if err != nil {
		return err
	}
	root, err := settings.Root()
	if err != nil {
		return err
	}
	// From here on an interrupt is for the subcommand to deal with. Extraction
	// writes whole files only and can simply end.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = commands[i].run(ctx, o, root)
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

func printHelp(w io.Writer) {
	fmt.Fprintln(w, "usage: go run ./cmd/shimfuzz <subcommand> [flags]; -h after a subcommand lists its flags")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.help)
	}
}

// parse reads the flags of a subcommand. What the user has set in the environment, for
// "go test", is their default.
func parse(c command, args []string) (*options, error) {
	user, err := settings.Load()
	if err != nil {
		return nil, err
	}
	o := new(options)
	all := flag.NewFlagSet("", flag.ContinueOnError)
	all.StringVar(&o.hcsshim, "hcsshim", user.HCSShim, "the hcsshim to test: a `version`, or the folder of a checkout")
	all.StringVar(&o.entry, "entry", user.Entry, "the `function` of hcsshim to test, such as internal/shimopts.Read")
	all.StringVar(&o.findings, "findings", user.Findings,
		"which known findings are excused: none, or `those` of a release, such as v0.15.0,-identity-misread")
	all.StringVar(&o.target, "target", "", "the only fuzz `target` to run, or the one that the case is an input of")
	all.StringVar(&o.file, "case", "", "`file` with a payload, or what a fuzzer has kept")
	all.StringVar(&o.fuzztime, "fuzztime", "30s", "how long each target fuzzes: a `time`, or executions, such as 2000x")
	all.BoolVar(&o.check, "check", false, "write nothing")
	set := flag.NewFlagSet("shimfuzz "+c.name, flag.ContinueOnError)
	for name := range strings.FieldsSeq(c.flags) {
		f := all.Lookup(name)
		set.Var(f.Value, name, f.Usage)
	}
	if err := set.Parse(args); err != nil {
		return nil, reported(err)
	}
	if set.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag", set.Arg(0))
	}
	return o, o.validate()
}

// reported is an error of package flag, which has told the user.
func reported(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return gocmd.ErrReported
}

func (o *options) validate() error {
	if o.findings != "" {
		if _, err := findings.Named(o.findings); err != nil {
			return err
		}
	}
	if o.target != "" {
		if _, err := targets.Named(o.target); err != nil {
			return err
		}
	}
	_, isCount := strings.CutSuffix(o.fuzztime, "x")
	if d, err := time.ParseDuration(o.fuzztime); !isCount && (err != nil || d <= 0) {
		return fmt.Errorf("fuzztime %s: want a time, such as 60s, or executions, such as 2000x", o.fuzztime)
	}
	return nil
}

// test is the settings of the processes that test this hcsshim.
func (o *options) test(b *extract.Build) settings.Test {
	t := settings.Test{Entry: o.entry, Findings: o.findings}
	if o.hcsshim != "" {
		t.HCSShim = b.Source.Name
	}
	return t
}

func extractHCSShim(_ context.Context, o *options, root string) error {
	b, err := extract.Prepare(root, o.hcsshim, o.entry)
	if err != nil {
		return err
	}
	fmt.Println(b.Work)
	return nil
}

func fuzz(ctx context.Context, o *options, root string) error {
	b, err := extract.Prepare(root, o.hcsshim, o.entry)
	if err != nil {
		return err
	}
	chosen := targets.Names()
	if o.target != "" {
		chosen = []string{o.target}
	}
	return engine.Fuzz(ctx, b, o.test(b), chosen, o.fuzztime)
}
