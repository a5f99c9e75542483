package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/compat"
	"shimfuzz/lab/mutants"
	"shimfuzz/lab/ossfuzz"
	"shimfuzz/lab/reports"
	"shimfuzz/lab/upstream"
)

// command is a subcommand.
type command struct {
	name  string
	help  string // one line
	flags string // the names of those it takes, some with a default: "seed=1 case"
	build bool   // it needs a build with an hcsshim under test
	run   func(context.Context, *job) error
}

var commands = []command{
	{"test", "the lab's own tests", "", true, test},
	{"conformance", "hold a reader in any language to the contract",
		"reader options level=freedoms expected update hcsshim entry findings seed=1 checks=300 longest=2",
		true, conform},
	{"repro", "what a payload is, and what a reader answers to it", "case reader options hcsshim entry findings", true,
		repro},
	{"differential", "hold the reference to readers on other protobuf engines",
		"hcsshim entry seed=1 checks=300 payloads=50000", true, differ},
	{"matrix", "which containerd works with which shim", "hcsshim", false, matrix},
	{"e2e", "the real shims for Windows, under Wine: serve and start",
		"hcsshim entry findings seed=1 checks=300 case", true, e2e},
	{"windows", "the suite's own tests as Windows programs, under Wine",
		"hcsshim entry findings seed=1 checks=20", true, underWine},
	{"e2e-tools", "install what that needs, from Debian, as root", "", false, e2eTools},
	{"descriptors", "write the descriptor set for readers in any language", "", false, descriptors},
	{"examples", "hold the example readers to the contract, but for what is known of them",
		"update hcsshim entry seed=1 checks=300 level=freedoms", true, exampleReaders},
	{"examples-tools", "install what the example readers need, from Debian, as root", "", false, examplesTools},
	{"oss-fuzz", "what OSS-Fuzz does: build, check, fuzz",
		"hcsshim entry findings fuzztime=60s sanitizer=address", true, ossFuzz},
	{"report", "write a finding for upstream's tracker, with a test that fails", "finding", false,
		func(ctx context.Context, j *job) error { return reports.Reports(ctx, j.root, j.finding) }},
	{"patch", "write the commit that closes hcsshim's findings", "hcsshim", false,
		func(ctx context.Context, j *job) error { return reports.Patch(ctx, j.root, j.hcsshim) }},
	{"record", "record what five releases of containerd write, as cases of the corpus", "", false,
		func(ctx context.Context, j *job) error { return compat.Record(ctx, j.root) }},
	{"oss-fuzz-proof", "let the built fuzzers find what is wrong with v0.14.1", "fuzztime=5m", false,
		func(ctx context.Context, j *job) error { return ossfuzz.Prove(ctx, j.root, j.fuzztime) }},
	{"submission", "write the folder that OSS-Fuzz is sent, and build from it",
		"repo contact hcsshim entry findings fuzztime=5s", true, submission},
	{"mutants", "break the decoders in a thousand ways, see that it shows",
		"hcsshim entry sample seed mutant", true, breakDecoders},
	{"history", "find every known defect again, on the releases that have it", "", false,
		func(ctx context.Context, j *job) error { return mutants.History(ctx, j.root) }},
	{"upstream", "what changes with the newest releases of hcsshim and of what decodes for it", "hcsshim entry", true,
		func(ctx context.Context, j *job) error { return upstream.Compare(ctx, j.b) }},
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

// variables are the flags of a subcommand as make takes them, but for those that are
// explained below the list.
func variables(c command) (list string) {
	for f := range strings.FieldsSeq(c.flags) {
		name, value, _ := strings.Cut(f, "=")
		switch {
		case name == "hcsshim" || name == "entry" || name == "findings":
		case value == "":
			list += " " + strings.ToUpper(name)
		default:
			list += " " + strings.ToUpper(name) + "=" + value
		}
	}
	return strings.Replace(list, " ", "\t", 1)
}

// test runs the lab's own tests. Those of the real shims are e2e's.
func test(ctx context.Context, j *job) error {
	_, err := j.goTest(ctx, "the lab's own tests", nil, "./lab/...")
	return err
}

func matrix(ctx context.Context, j *job) error {
	source, err := extract.Locate(j.root, j.hcsshim)
	if err != nil {
		return err
	}
	return compat.Compare(ctx, j.root, source)
}

func breakDecoders(ctx context.Context, j *job) error {
	if err := j.printVersions(ctx); err != nil {
		return err
	}
	return mutants.Mutants(ctx, j.b, mutants.Choice{Name: j.mutant, Sample: j.sample, Seed: j.seed})
}

// ossFuzz does what OSS-Fuzz does with a project.
func ossFuzz(ctx context.Context, j *job) error {
	switch j.sanitizer {
	case "address":
		return ossfuzz.Check(ctx, j.b, j.test, j.fuzztime)
	case "coverage":
		return ossfuzz.Coverage(ctx, j.b, j.test)
	}
	return fmt.Errorf("SANITIZER=%s: want address or coverage", j.sanitizer)
}

// submission writes what OSS-Fuzz is sent, and makes each check of it that needs no docker.
func submission(ctx context.Context, j *job) error {
	script := filepath.Join(j.root, "lab", "ossfuzz", "submission")
	if err := gocmd.Show(gocmd.Command(ctx, j.root, "bash", script, j.root, j.repo, j.contact)); err != nil {
		return err
	}
	fmt.Println()
	if err := ossfuzz.Check(ctx, j.b, j.test, j.fuzztime); err != nil {
		return err
	}
	fmt.Println()
	if err := ossfuzz.Coverage(ctx, j.b, j.test); err != nil {
		return err
	}
	fmt.Println("NOT RUN: the image itself, which needs docker: in a clone of OSS-Fuzz with this folder in projects,")
	fmt.Println("  python3 infra/helper.py build_image hcsshim, then build_fuzzers and check_build")
	return nil
}
