package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/compat"
	"shimfuzz/lab/mutants"
	"shimfuzz/lab/ossfuzz"
	"shimfuzz/lab/ossfuzz/project"
	"shimfuzz/lab/testrun"
	"shimfuzz/lab/upstream/watch"
)

// command is a subcommand.
type command struct {
	name     string
	help     string // one line
	flags    string // the names of those it takes, some with a default: "seed=1 target"
	hcsshim  bool   // it needs an hcsshim under test
	versions bool   // it prints first what is tested against what
	run      func(context.Context, *job) error
}

var commands = []command{
	{name: "test", help: "the lab's own tests", hcsshim: true, run: test},
	{name: "conformance", help: "hold a reader in any language to the contract",
		flags:   "reader options level=freedoms expected update hcsshim findings seed=1 checks=300 longest=2",
		hcsshim: true, run: conformance},
	{name: "repro", help: "what a payload is, and what a reader answers to it",
		flags: "case reader options hcsshim findings", hcsshim: true, run: repro},
	{name: "differential", help: "hold the reference to readers on other protobuf engines",
		flags: "seed=1 payloads=50000", run: differ},
	{name: "matrix", help: "which containerd works with which shim",
		flags: "hcsshim", run: matrix},
	{name: "e2e", help: "the real shims for Windows, under Wine: serve and start",
		flags: "hcsshim findings seed=1 checks=300 case", hcsshim: true, run: e2e},
	{name: "windows", help: "the suite's own tests as Windows programs, under Wine",
		flags: "hcsshim findings seed=1 checks=20", hcsshim: true, versions: true, run: windows},
	{name: "e2e-tools", help: "install what that needs, from Debian, as root", run: e2eTools},
	{name: "descriptors", help: "write the descriptor set for readers in any language", run: descriptors},
	{name: "examples", help: "hold the example readers to their lists of expected failures",
		flags: "update hcsshim seed=1 checks=300 level=freedoms", hcsshim: true, run: exampleReaders},
	{name: "examples-tools", help: "install what the example readers need, from Debian, as root", run: examplesTools},
	{name: "oss-fuzz", help: "what OSS-Fuzz does: build, check, fuzz",
		flags: "hcsshim findings fuzztime=60s target sanitizer=address", hcsshim: true, run: ossFuzz},
	{name: "report", help: "write a finding for upstream's tracker, with a test that fails",
		flags: "finding", run: report},
	{name: "patch", help: "write the commit that closes hcsshim's findings",
		flags: "hcsshim", run: patch},
	{name: "record", help: "record what five releases of containerd write, for make corpus",
		run: func(ctx context.Context, j *job) error { return compat.Record(ctx, j.root) }},
	{name: "oss-fuzz-proof", help: "let the built fuzzers find what is wrong with v0.14.1",
		flags: "fuzztime=5m", run: ossFuzzProof},
	{name: "submission", help: "write the folder that OSS-Fuzz is sent, check it and build it",
		flags: "repo contact hcsshim findings target fuzztime=5s", hcsshim: true, run: submission},
	{name: "mutants", help: "break the decoders in a thousand ways, see that it shows",
		flags: "hcsshim sample seed mutant alone", hcsshim: true, versions: true,
		run: func(ctx context.Context, j *job) error {
			return mutants.Mutants(ctx, j.b, mutants.Choice{Name: string(j.mutant), Sample: int(j.sample),
				Seed: int(j.seed), Alone: j.alone > 0})
		}},
	{name: "history", help: "find every known defect again, on the releases that have it",
		run: func(ctx context.Context, j *job) error { return mutants.History(ctx, j.root) }},
	{name: "upstream", help: "what changes with the newest releases of hcsshim and of what decodes for it",
		flags: "hcsshim", hcsshim: true,
		run: func(ctx context.Context, j *job) error { return watch.Upstream(ctx, j.b) }},
}

func printHelp(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		fmt.Fprintf(w, "make -C lab %s\t%s%s\n", c.name, c.help, variables(c))
	}
	_ = w.Flush()
	fmt.Fprintln(out, `
HCSSHIM=v0.14.1 or HCSSHIM=../hcsshim (a checkout) is what to test, ENTRY=package.Func the function in
it, FINDINGS=none or FINDINGS=v0.15.0 which known findings are excused. build/lab <target> -h explains the others.`)
}

// variables is a cell with the flags of a subcommand as make takes them, but for
// the two that are explained below the list.
func variables(c command) string {
	var list []string
	for f := range strings.FieldsSeq(c.flags) {
		name, value, found := strings.Cut(f, "=")
		if name == "hcsshim" || name == "findings" {
			continue
		}
		name = strings.ToUpper(name)
		if found {
			name += "=" + value
		}
		list = append(list, name)
	}
	if len(list) == 0 {
		return ""
	}
	return "\t" + strings.Join(list, " ")
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

func matrix(ctx context.Context, j *job) error {
	source, err := extract.Locate(j.root, string(j.hcsshim))
	if err != nil {
		return err
	}
	return compat.Compare(ctx, j.root, source)
}

func ossFuzz(ctx context.Context, j *job) error {
	budget, err := j.fuzztime.duration()
	if err != nil {
		return err
	}
	switch j.sanitizer {
	case "address":
		return ossfuzz.Check(ctx, j.b, j.test, j.targets(), budget)
	case "coverage":
		return ossfuzz.Coverage(ctx, j.b, j.test, j.targets())
	}
	return fmt.Errorf("SANITIZER=%s: want address or coverage", j.sanitizer)
}

func ossFuzzProof(ctx context.Context, j *job) error {
	budget, err := j.fuzztime.duration()
	if err != nil {
		return err
	}
	return ossfuzz.Prove(ctx, j.root, budget)
}

// submission makes every check of what OSS-Fuzz is sent that can be made without docker.
func submission(ctx context.Context, j *job) error {
	budget, err := j.fuzztime.duration()
	if err != nil {
		return err
	}
	dir, err := project.Write(j.root, string(j.repo), string(j.contact))
	if err != nil {
		return err
	}
	if err := errors.Join(project.Check(dir), project.Syntax(ctx, j.root)); err != nil {
		return err
	}
	fmt.Printf("%s: passes what OSS-Fuzz checks of a change\n", gocmd.FromHere(dir))
	if err := project.Reach(ctx, string(j.repo)); err != nil {
		fmt.Printf("  NOT SEEN: the repository: %v\n", err)
	}
	fmt.Println()
	if err := ossfuzz.Check(ctx, j.b, j.test, j.targets(), budget); err != nil {
		return err
	}
	fmt.Println()
	if err := ossfuzz.Coverage(ctx, j.b, j.test, j.targets()); err != nil {
		return err
	}
	fmt.Println("NOT RUN: the image itself, which needs docker: in a clone of OSS-Fuzz with this folder in projects,")
	fmt.Println("  python3 infra/helper.py build_image hcsshim, then build_fuzzers and check_build")
	return nil
}

// test runs the lab's own tests. Those of the real shims are e2e's.
func test(ctx context.Context, j *job) error {
	run := testrun.New()
	if err := run.Packages(ctx, j.b, j.test, "the lab's own tests", "./lab/..."); err != nil {
		return err
	}
	return run.Finish()
}
