package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"shimfuzz/corpus"
	"shimfuzz/internal/coverage"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/testrun"
)

// rapid are the flags of the properties. A run of make test repeats exactly,
// because exploring is what make fuzz is for.
func (o *options) rapid() []string {
	return []string{fmt.Sprintf("-rapid.seed=%d", o.seed), fmt.Sprintf("-rapid.checks=%d", o.checks), "-rapid.nofailfile", "-rapid.shrinktime=3s"}
}

// test runs everything that must hold of the hcsshim under test.
func test(ctx context.Context, j *job) error {
	if _, err := corpus.Load(); err != nil { // which hundreds of tests would report
		return err
	}
	run := testrun.New()
	what, packages := "the corpus's tests and the fuzz targets' seeds", []string{"./fuzz/...", "./corpus"}
	if j.hcsshim == "" { // the other tests do not depend on the hcsshim under test
		what = "unit tests and the seeds of every fuzz target"
		packages = []string{"./fuzz/...", "./corpus/...", "./internal/...", "./cmd/..."}
	}
	if err := run.Packages(ctx, j.b, j.test, what, packages...); err != nil {
		return err
	}
	profile := filepath.Join(j.b.Dir, "cover.out")
	args := append(append(coverage.Flags(profile), "./properties", "-skip="+walks), j.rapid()...)
	if err := run.Packages(ctx, j.b, j.test, "corpus and properties", args...); err != nil {
		return err
	}
	if err := run.Packages(ctx, j.b, j.test, "everything small", "-run="+walks, "./properties"); err != nil {
		return err
	}
	if raceDetector(ctx, j.root) {
		args := append([]string{"-race", "-run=TestConcurrent|TestNoSharedState", "./properties"}, j.rapid()...)
		if err := run.Packages(ctx, j.b, j.test, "sharing, under the race detector", args...); err != nil {
			return err
		}
	} else {
		fmt.Println("  NOT RUN: the race detector, which needs a C compiler here")
	}
	if len(run.Broken) > 0 { // of what does not build there is no coverage
		return run.Finish()
	}
	missed, err := coverage.Print(ctx, j.b, profile)
	if err != nil {
		return err
	}
	switch {
	case missed == "" || run.Failed(): // a test that fails reaches less
	case j.b.Source.Version == "": // its author may know why
		fmt.Println("  note: " + missed)
	default:
		run.Broken = append(run.Broken, missed)
	}
	return run.Finish()
}

// walks are the tests that walk all that is small. Without coverage they take half the time.
const walks = "^TestWalk"

// exhaustive walks all that is small and takes minutes.
func exhaustive(ctx context.Context, j *job) error {
	run := testrun.New()
	j.test.Exhaustive = true
	if err := run.Packages(ctx, j.b, j.test, "everything small, exhaustively", "-run="+walks, "./properties"); err != nil {
		return err
	}
	return run.Finish()
}

// raceDetector reports whether tests can be built with -race.
func raceDetector(ctx context.Context, root string) bool {
	if runtime.GOOS == "darwin" {
		return true
	}
	cgo, err := gocmd.Output(gocmd.Command(ctx, root, "go", "env", "CGO_ENABLED"))
	return err == nil && strings.TrimSpace(string(cgo)) == "1"
}

// bench measures the decoders and the generators on the hcsshim under test.
func bench(ctx context.Context, j *job) error {
	return gocmd.Show(j.b.Go(ctx, j.test, "test", "-run=^$", "-bench=.", "-benchtime="+string(j.benchtime), "./properties", "./fuzz"))
}

// lint holds the tree's own code to gofmt, vet and staticcheck, and its workflows
// to actionlint. The extracted code is hcsshim's.
func lint(ctx context.Context, j *job) error {
	out, err := gocmd.Run(j.root, nil, "list", "./...")
	if err != nil {
		return err
	}
	var packages, dirs []string
	for p := range strings.FieldsSeq(string(out)) {
		packages = append(packages, p)
		dirs = append(dirs, filepath.Join(j.root, strings.TrimPrefix(p, "shimfuzz")))
	}
	badly, err := gocmd.Output(gocmd.Command(ctx, j.root, "gofmt", append([]string{"-l"}, dirs...)...))
	if err != nil {
		return err
	}
	if len(badly) > 0 {
		fmt.Fprintf(os.Stderr, "not gofmt'd:\n%s", badly)
		return gocmd.ErrReported
	}
	workflows, err := filepath.Glob(filepath.Join(j.root, ".github", "workflows", "*.yml"))
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		append([]string{"vet"}, packages...),
		append([]string{"tool", "staticcheck"}, packages...),
		append([]string{"tool", "actionlint", "-shellcheck=", "-pyflakes="}, workflows...), // what is installed decides nothing
	} {
		if err := gocmd.Show(gocmd.Command(ctx, j.root, "go", args...)); err != nil {
			return err
		}
	}
	fmt.Printf("lint: %d packages and %d workflows are clean: gofmt, vet, staticcheck, actionlint\n", len(packages), len(workflows))
	return nil
}

// extracted says how plain go commands use what has been extracted.
func extracted(_ context.Context, j *job) error {
	fmt.Printf("GOWORK=%s\n", settings.Quote(j.b.Work))
	return nil
}
