package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/lab/compat/matrix"
	"shimfuzz/lab/compat/senders"
	"shimfuzz/lab/index"
	"shimfuzz/lab/mutants"
	"shimfuzz/lab/ossfuzz"
	"shimfuzz/lab/upstream"
)

// command is a subcommand.
type command struct {
	name      string
	time      string // that it takes on two cores, about
	help      string // one line
	variables string // the names of those it takes, some with a default: "SEED=1 CASE"
	build     bool   // it needs a build with an hcsshim under test
	run       func(context.Context, *job) error
}

var commands = []command{
	{"test", "3 min", "the lab's own tests", "", true, test},
	{"tools", "3 min", "install what the others need besides Go, from Debian, as root", "", false, installTools},
	{"conformance", "30 s", "hold a reader in any language to the contract",
		"READER OPTIONS LEVEL=freedoms TEST EXPECTED UPDATE HCSSHIM ENTRY FINDINGS SEED=1 CHECKS=300 LONGEST=2",
		true, conform},
	{"repro", "5 s", "what a payload is, and what a reader answers to it",
		"CASE READER OPTIONS HCSSHIM ENTRY FINDINGS", true, repro},
	{"examples", "3 min", "hold readers on other protobuf engines to the contract, but for what is known of them",
		"UPDATE HCSSHIM ENTRY LEVEL=freedoms SEED=1 CHECKS=300 LONGEST=2 PAYLOADS=50000", true, exampleReaders},
	{"descriptors", "1 s", "write the descriptor set for readers in any language", "", false, descriptors},
	{"matrix", "3 min", "which containerd works with which shim", "HCSSHIM", false, compare},
	{"corpus", "1 s", "write corpus/index.json, with an entry for each file", "", false,
		func(_ context.Context, j *job) error { return index.Write(os.Stdout, j.root) }},
	{"record", "1 min", "record what five releases of containerd write, as cases of the corpus", "", false,
		func(ctx context.Context, j *job) error { return senders.Record(ctx, j.root) }},
	{"e2e", "3 min", "the real shims for Windows, under Wine: start, serve, Create, -info",
		"HCSSHIM ENTRY FINDINGS SEED=1 CHECKS=300 CASE", true, e2e},
	{"windows", "3 min", "the suite's own tests as Windows programs, under Wine",
		"HCSSHIM ENTRY FINDINGS", true, underWine},
	{"mutants", "5 min", "break the decoders in a thousand ways, see that it shows",
		"HCSSHIM ENTRY SAMPLE SEED MUTANT", true, breakDecoders},
	{"history", "1 min", "find every known defect again, on the releases that have it", "", false,
		func(ctx context.Context, j *job) error { return mutants.History(ctx, j.root) }},
	{"oss-fuzz", "10 min", "what OSS-Fuzz does: build, check, fuzz, report coverage",
		"HCSSHIM ENTRY FINDINGS FUZZTIME=60s", true,
		func(ctx context.Context, j *job) error { return ossfuzz.Check(ctx, j.b, j.test, j.fuzztime) }},
	{"oss-fuzz-proof", "2 min", "let the built fuzzers find what is wrong with v0.14.1", "FUZZTIME=5m", false,
		func(ctx context.Context, j *job) error { return ossfuzz.Prove(ctx, j.root, j.fuzztime) }},
	{"submission", "1 s", "write the folder that OSS-Fuzz is sent", "REPO CONTACT", false, submission},
	{"report", "6 min", "write a finding for upstream's tracker, with a test that fails", "FINDING", false,
		func(ctx context.Context, j *job) error { return upstream.Reports(ctx, j.root, j.finding) }},
	{"patch", "1 min", "write a commit for each finding of hcsshim's that closes it", "HCSSHIM FINDING", false,
		func(ctx context.Context, j *job) error { return upstream.Patch(ctx, j.root, j.test.HCSShim, j.finding) }},
}

func printHelp(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		// But for those that are explained below the list.
		list := slices.DeleteFunc(strings.Fields(c.variables), func(v string) bool {
			return v == "HCSSHIM" || v == "ENTRY" || v == "FINDINGS"
		})
		line := fmt.Sprintf("make -C lab %s\t%6s\t%s\t%s", c.name, c.time, c.help, strings.Join(list, " "))
		fmt.Fprintln(w, strings.TrimSpace(line))
	}
	_ = w.Flush()
	fmt.Fprintln(out, `
Times are about those of two idle cores; a first run also downloads and compiles, for minutes.
HCSSHIM=v0.14.1 or HCSSHIM=../hcsshim (a checkout) is what to test, ENTRY=package.Func the function in
it, FINDINGS=none or FINDINGS=v0.15.0 which known findings are excused. lab/README.md and
docs/conformance.md explain the others. Without make: GOWORK=off go -C lab run ./cmd/lab <target> <NAME=value>...`)
}

// installTools installs packages of Debian: what OSS-Fuzz's fuzzers are linked with, what the
// real shims run under, and what the example readers are built with.
func installTools(ctx context.Context, j *job) error {
	return gocmd.Show(gocmd.Command(ctx, j.root, "sh", "-c", "apt-get -qq update && DEBIAN_FRONTEND=noninteractive "+
		"apt-get -qq install -y --no-install-recommends clang libclang-rt-dev binutils wine64 gcc-mingw-w64-x86-64 "+
		"python3 python3-protobuf g++ protobuf-compiler libprotobuf-dev nodejs npm cargo rustc librust-prost-dev "+
		"librust-prost-types-dev"))
}

func compare(ctx context.Context, j *job) error {
	source, err := extract.Locate(j.root, j.test.HCSShim)
	if err != nil {
		return err
	}
	return matrix.Compare(ctx, j.root, source)
}

func breakDecoders(ctx context.Context, j *job) error {
	return mutants.Mutants(ctx, j.b, mutants.Choice{Name: j.mutant, Sample: j.sample, Seed: j.Seed})
}

func submission(ctx context.Context, j *job) error {
	script := filepath.Join(j.root, "lab", "ossfuzz", "submission")
	return gocmd.Show(gocmd.Command(ctx, j.root, "bash", script, j.root, j.repo, j.contact))
}
