// Package ossfuzz stands in for OSS-Fuzz's builder and runner where there is no
// docker: it runs oss-fuzz/build.sh as it is, in the environment that the
// builder's image gives it, and runs what that makes as the runner does.
//
// What the images provide is known from OSS-Fuzz's documentation
// (https://google.github.io/oss-fuzz/getting-started/new-project-guide/) and from
// infra/base-images in its repository: install_go.sh, compile, compile_libfuzzer and
// compile_go_fuzzer of the builder, run_fuzzer, coverage and bad_build_check of the
// runner. No text of it is here.
package ossfuzz

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/dirhash"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

//go:embed compile_go_fuzzer
var compileGoFuzzer []byte

//go:embed gosigfuzz
var gosigfuzz []byte

// builderGo is the Go of the builder's image. The modules ask for a newer one, to
// which build.sh has to jump there as here.
const builderGo = "go1.25.0"

// builder is what oss-fuzz/build.sh runs in.
type builder struct {
	*extract.Build        // of the hcsshim whose checkout is put at $SRC/hcsshim, and of this suite
	dir            string // has all of it
	sanitizer      string // "address" or "coverage"
	moved          string // folder outside the clone with what was built
}

// The folders that build.sh knows by these names, and all that it printed.
func (b builder) src() string  { return filepath.Join(b.dir, "src") }
func (b builder) out() string  { return filepath.Join(b.dir, "out") }
func (b builder) work() string { return filepath.Join(b.dir, "work") }
func (b builder) log() string  { return filepath.Join(b.dir, "build.log") }

// build runs oss-fuzz/build.sh on the hcsshim under test, and moves what it has made out
// of the clone. The caller removes that.
func build(ctx context.Context, e *extract.Build, sanitizer string) (*builder, error) {
	if err := ready(ctx); err != nil {
		return nil, err
	}
	b := &builder{Build: e, dir: filepath.Join(e.Dir, "oss-fuzz", sanitizer), sanitizer: sanitizer}
	start := time.Now()
	fmt.Printf("oss-fuzz/build.sh on hcsshim %s, for %s\n", e.Source.Name, sanitizer)
	fmt.Printf("  %-34s ", "building (minutes the first time)")
	if err := b.run(ctx); err != nil {
		fmt.Println("failed")
		return nil, err
	}
	fmt.Printf("%4.0f s, all it printed: %s\n", time.Since(start).Seconds(), gocmd.FromHere(b.log()))
	return b, b.moveOut()
}

// ready says in one line what is missing to build.
func ready(ctx context.Context) error {
	if runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
		return fmt.Errorf("OSS-Fuzz's builder is linux/amd64, and so must its stand-in be: this is %s/%s", runtime.GOOS,
			runtime.GOARCH)
	}
	const install = "on Debian: apt-get install clang libclang-rt-dev binutils"
	if _, err := exec.LookPath("objdump"); err != nil {
		return fmt.Errorf("objdump is missing: %s", install)
	}
	cmd := exec.CommandContext(ctx, "clang++", "-fsanitize=address,fuzzer", "-x", "c++", "-", "-o", os.DevNull)
	cmd.Stdin = strings.NewReader(`extern "C" int LLVMFuzzerTestOneInput(const char *, unsigned long) { return 0; }`)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("clang++ cannot link libFuzzer with AddressSanitizer (%w %s): %s", err,
			strings.TrimSpace(tail(string(out), 1)), install)
	}
	return nil
}

// run lays out SRC as the Dockerfile does and runs build.sh. When it fails the error ends
// with what build.sh printed last.
func (b builder) run(ctx context.Context) error {
	if err := b.layOut(); err != nil {
		return err
	}
	goBin, err := b.install(ctx)
	if err != nil {
		return err
	}
	before, err := dirhash.HashDir(b.src(), "", dirhash.Hash1)
	if err != nil {
		return err
	}
	cmd := gocmd.Command(ctx, filepath.Join(b.src(), "hcsshim"), "bash", "-eux", filepath.Join(b.src(), "build.sh"))
	cmd.Env = b.environment(goBin)
	printed, failed, err := workspace.Try(cmd)
	if err := errors.Join(err, os.WriteFile(b.log(), []byte(printed), 0o666)); err != nil {
		return err
	}
	if failed {
		return fmt.Errorf("build.sh fails; the end of %s:\n%s", b.log(), tail(printed, 12))
	}
	after, err := dirhash.HashDir(b.src(), "", dirhash.Hash1)
	if err == nil && before != after {
		err = errors.New("build.sh has changed the sources in " + b.src())
	}
	return err
}

func (b builder) layOut() error {
	if err := os.RemoveAll(b.dir); err != nil {
		return err
	}
	for _, dir := range []string{b.src(), b.out(), b.work(), b.bin()} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	script, err := os.ReadFile(filepath.Join(b.Root, "oss-fuzz", "build.sh"))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(b.src(), "build.sh"), script, 0o777),
		os.WriteFile(filepath.Join(b.bin(), "compile_go_fuzzer"), compileGoFuzzer, 0o777),
		workspace.CopyTree(filepath.Join(b.src(), "hcsshim"), b.Source.Dir, ".git"),
		workspace.CopyTree(filepath.Join(b.src(), "shimfuzz"), b.Root, generated...),
	)
}

// generated are the files of the suite that no clone has.
var generated = []string{".git", "build", "lab", "go.work", "go.work.sum"}

// install compiles the object that every Go fuzzer is linked with, and returns the
// folder of the builder's go command, which the one here gets as it gets any
// toolchain.
func (b builder) install(ctx context.Context) (goBin string, err error) {
	cmd := gocmd.Command(ctx, b.dir, "clang", "-c", "-x", "c", "-", "-o", b.signals())
	cmd.Stdin = bytes.NewReader(gosigfuzz)
	if _, err := gocmd.Output(cmd); err != nil {
		return "", fmt.Errorf("gosigfuzz: %w", err)
	}
	cmd = gocmd.Command(ctx, os.TempDir(), "go", "env", "GOROOT") // not in a module that asks for a newer one
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+builderGo, "GOFLAGS=")
	root, err := gocmd.Output(cmd)
	if err != nil {
		return "", fmt.Errorf("the builder's %s: %w", builderGo, err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "bin"), nil
}

func (b builder) bin() string     { return filepath.Join(b.dir, "bin") }
func (b builder) signals() string { return filepath.Join(b.bin(), "gosigfuzz.o") }

// ours are variables that a builder's environment does not have: a user's
// choices, which make hands on to every make below it, too.
var ours = []string{settings.HCSShim, settings.Entry, settings.Findings, settings.Variable,
	"MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "GOFLAGS", "GOWORK", "GOTOOLCHAIN", "GOROOT", "GOOS", "GOARCH"}

func (b builder) environment(goBin string) []string {
	flags := "-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
	if b.sanitizer == "address" {
		flags += " -fsanitize=address -fsanitize-address-use-after-scope -fsanitize=fuzzer-no-link"
	} else {
		flags += " -fprofile-instr-generate -fcoverage-mapping"
	}
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if !slices.Contains(ours, name) {
			env = append(env, v)
		}
	}
	return append(env, // of two values the last one counts
		settings.Entry+"="+b.Entry, "SRC="+b.src(), "OUT="+b.out(), "WORK="+b.work(),
		"CC=clang", "CXX=clang++ -lresolv", "CFLAGS="+flags, "CXXFLAGS="+flags,
		"LIB_FUZZING_ENGINE=-fsanitize=fuzzer "+b.signals(), "SANITIZER="+b.sanitizer, "FUZZING_ENGINE=libfuzzer",
		"ARCHITECTURE=x86_64", "FUZZING_LANGUAGE=go",
		"PATH="+strings.Join([]string{b.bin(), goBin, os.Getenv("PATH")}, string(filepath.ListSeparator)),
	)
}

// moveOut moves the fuzzers out of the clone, as OSS-Fuzz does, and removes the rest: a
// fuzzer must need nothing but what stands next to it. A report of coverage needs the
// sources, there as here.
func (b *builder) moveOut() (err error) {
	if b.moved, err = os.MkdirTemp("", "shimfuzz-out-"); err != nil {
		return err
	}
	err = errors.Join(workspace.CopyTree(b.moved, b.out()), os.RemoveAll(b.out()))
	if b.sanitizer == "address" {
		err = errors.Join(err, os.RemoveAll(b.src()), os.RemoveAll(b.work()))
	}
	return err
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return "\t" + strings.Join(all[max(0, len(all)-lines):], "\n\t")
}
