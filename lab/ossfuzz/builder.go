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
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
)

//go:embed compile_go_fuzzer
var compileGoFuzzer []byte

//go:embed gosigfuzz
var gosigfuzz []byte

// builderGo is the Go of the builder's image. The modules ask for a newer one, to
// which build.sh has to jump there as here.
const builderGo = "go1.25.0"

// Builder is what oss-fuzz/build.sh runs in.
type Builder struct {
	Dir       string // has all of it
	Sanitizer string // "address" or "coverage"
	HCSShim   string // the checkout to put at $SRC/hcsshim
	Entry     string // the function of it to test, "" finds it
	Suite     string // the tree to put at $SRC/shimfuzz

	moved   string // folder outside the clone with what was built, "" before
	fuzzers []Fuzzer
}

// Src, Out and Work are the folders that build.sh knows by these names.
func (b Builder) Src() string  { return filepath.Join(b.Dir, "src") }
func (b Builder) Out() string  { return filepath.Join(b.Dir, "out") }
func (b Builder) Work() string { return filepath.Join(b.Dir, "work") }

// Log has all that build.sh printed.
func (b Builder) Log() string { return filepath.Join(b.Dir, "build.log") }

// ready says in one line what is missing to build.
func ready(ctx context.Context) error {
	if runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
		return fmt.Errorf("OSS-Fuzz's builder is linux/amd64, and so must its stand-in be: this is %s/%s", runtime.GOOS,
			runtime.GOARCH)
	}
	const install = "on Debian: apt-get install clang libclang-rt-dev binutils"
	for _, name := range []string{"clang", "clang++", "objdump"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is missing: %s", name, install)
		}
	}
	cmd := exec.CommandContext(ctx, "clang++", "-fsanitize=address,fuzzer", "-x", "c++", "-", "-o", os.DevNull)
	cmd.Stdin = strings.NewReader(`extern "C" int LLVMFuzzerTestOneInput(const char *, unsigned long) { return 0; }`)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("clang++ cannot link libFuzzer with AddressSanitizer (%s): %s",
			strings.TrimSpace(tail(out, 1)), install)
	}
	return nil
}

// Build lays out SRC as the Dockerfile does and runs build.sh. When it fails
// the error ends with what build.sh printed last.
func (b Builder) Build(ctx context.Context) error {
	if err := b.layOut(); err != nil {
		return err
	}
	goBin, err := b.install(ctx)
	if err != nil {
		return err
	}
	log, err := os.Create(b.Log())
	if err != nil {
		return err
	}
	defer log.Close()
	before, err := listing(b.Src())
	if err != nil {
		return err
	}
	cmd := gocmd.Command(ctx, filepath.Join(b.Src(), "hcsshim"), "bash", "-eux", filepath.Join(b.Src(), "build.sh"))
	cmd.Env = b.environment(goBin)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(b.Log())
		return fmt.Errorf("build.sh: %w; the end of %s:\n%s", err, b.Log(), tail(text, 12))
	}
	after, err := listing(b.Src())
	if err != nil {
		return err
	}
	if before != after {
		return errors.New("build.sh has changed the sources in " + b.Src())
	}
	return nil
}

func (b Builder) layOut() error {
	if err := os.RemoveAll(b.Dir); err != nil {
		return err
	}
	for _, dir := range []string{b.Src(), b.Out(), b.Work(), b.bin()} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	script, err := os.ReadFile(filepath.Join(b.Suite, "oss-fuzz", "build.sh"))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(b.Src(), "build.sh"), script, 0o777),
		os.WriteFile(filepath.Join(b.bin(), "compile_go_fuzzer"), compileGoFuzzer, 0o777),
		gocmd.CopyTree(filepath.Join(b.Src(), "hcsshim"), b.HCSShim, ".git"),
		gocmd.CopyTree(filepath.Join(b.Src(), "shimfuzz"), b.Suite, generated...),
	)
}

// install compiles the object that every Go fuzzer is linked with, and returns the
// folder of the builder's go command, which the one here gets as it gets any
// toolchain.
func (b Builder) install(ctx context.Context) (goBin string, err error) {
	cmd := gocmd.Command(ctx, b.Dir, "clang", "-c", "-x", "c", "-", "-o", b.signals())
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

func (b Builder) bin() string     { return filepath.Join(b.Dir, "bin") }
func (b Builder) signals() string { return filepath.Join(b.bin(), "gosigfuzz.o") }

// ours are variables that a builder's environment does not have: a user's
// choices, which make hands on to every make below it, too.
var ours = []string{settings.HCSShim, settings.Entry, settings.Findings, settings.Variable,
	"MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "GOFLAGS", "GOWORK", "GOTOOLCHAIN", "GOROOT", "GOOS", "GOARCH"}

func (b Builder) environment(goBin string) []string {
	flags := "-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
	if b.Sanitizer == "address" {
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
		settings.Entry+"="+b.Entry, "SRC="+b.Src(), "OUT="+b.Out(), "WORK="+b.Work(),
		"CC=clang", "CXX=clang++ -lresolv", "CFLAGS="+flags, "CXXFLAGS="+flags,
		"LIB_FUZZING_ENGINE=-fsanitize=fuzzer "+b.signals(), "SANITIZER="+b.Sanitizer, "FUZZING_ENGINE=libfuzzer",
		"ARCHITECTURE=x86_64", "FUZZING_LANGUAGE=go",
		"PATH="+strings.Join([]string{b.bin(), goBin, os.Getenv("PATH")}, string(filepath.ListSeparator)),
	)
}

// generated are the files of the suite that no clone has.
var generated = []string{".git", "build", "lab", "go.work", "go.work.sum"}

// listing names the files below dir with their sizes and times, but for those
// that the suite keeps in its build folder.
func listing(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == filepath.Join(dir, "shimfuzz", "build") {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err == nil && !d.IsDir() {
			fmt.Fprintln(&b, name, info.Size(), info.ModTime())
		}
		return err
	})
	return b.String(), err
}

func tail(text []byte, lines int) string {
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\t" + strings.Join(all[max(0, len(all)-lines):], "\n\t")
}
