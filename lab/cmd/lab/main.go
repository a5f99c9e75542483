// Command lab is what the targets of the lab's Makefile run: each is a subcommand, and
// each of make's variables a flag.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/mod/modfile"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

func main() {
	name := "help"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	err := run(name, os.Args[min(2, len(os.Args)):])
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	if !errors.Is(err, gocmd.ErrReported) {
		fmt.Fprintf(os.Stderr, "make -C lab %s: %v\n", name, err)
	}
	os.Exit(1)
}

// job is what a subcommand works on.
type job struct {
	options
	root   string
	b      *extract.Build // the hcsshim under test, where the subcommand needs one
	test   settings.Test  // for the processes of this hcsshim's tests
	engine string         // of the example reader that is held to the contract
}

func run(name string, args []string) error {
	if name == "help" {
		printHelp(os.Stdout)
		return nil
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
	if i < 0 {
		return errors.New("there is no such target; make -C lab lists them")
	}
	c := commands[i]
	o, err := parse(c, args)
	if err != nil {
		return err
	}
	j, err := prepare(c, o)
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

// prepare puts the hcsshim under test, where the subcommand needs one.
func prepare(c command, o *options) (*job, error) {
	root, err := settings.Root()
	if err != nil {
		return nil, err
	}
	j := &job{options: *o, root: root, test: settings.Test{Entry: o.entry, Findings: o.findings}}
	if !c.build {
		return j, nil
	}
	b, err := extract.Prepare(root, o.hcsshim, o.entry)
	if err != nil {
		return nil, err
	}
	if o.hcsshim != "" {
		j.test.HCSShim = b.Source.Name
	}
	// The lab's own tests and programs that hold something to the hcsshim under test.
	j.b, err = workspace.Edited(b, "lab", func(work *modfile.WorkFile) error {
		return work.AddUse(filepath.Join(root, "lab"), "")
	})
	return j, err
}

// tell tells the processes of this hcsshim's tests what the lab wants of them.
func (j *job) tell(set any) {
	text, _ := json.Marshal(set) // strings and numbers always have a JSON form
	j.test.Lab = string(text)
}

// printVersions says what is tested against what.
func (j *job) printVersions(ctx context.Context) error {
	const format = "  {{.Path}} {{if .Replace}}{{or .Replace.Version .Version}}{{else}}{{.Version}}{{end}}"
	versions, err := gocmd.Output(j.b.Go(ctx, settings.Test{}, "list", "-m", "-f", format, "google.golang.org/protobuf",
		"github.com/containerd/typeurl/v2", "github.com/containerd/containerd/api"))
	if err != nil {
		return err
	}
	fmt.Printf("hcsshim %s\n%s", j.b.Source.Name, versions)
	if j.findings != "" {
		fmt.Printf("  excused findings: %s\n", j.findings)
	}
	return nil
}
