// Package ossfuzz stands in for OSS-Fuzz's builder and runner where there is no docker: it
// runs oss-fuzz/build.sh as it is, in the environment that the builder's image gives it, and
// runs what that makes as the runner does. README.md says where that is known from.
package ossfuzz

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"

	"shimfuzz/fuzz"
	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// start runs build.sh with the Go of the builder's image, which the go command here gets as it
// gets any toolchain, out of reach of a go.mod. The modules ask for a newer one, to which
// build.sh has to jump there as here.
const start = `PATH=$(cd / && GOTOOLCHAIN=go1.25.0 go env GOROOT)/bin:$PATH; exec bash -eux "$0"`

// builder is what oss-fuzz/build.sh runs in.
type builder struct {
	*extract.Build          // of the hcsshim whose checkout is put at $SRC/hcsshim, and of this suite
	dir            string   // has src, out and work, of the variables SRC, OUT and WORK, and bin, of PATH
	sanitizer      string   // "address" or "coverage"
	moved          string   // folder outside the clone with a copy of what was built
	fuzzers        []fuzzer // in that folder, one for each target
}

// path is that of a file or folder of the builder, given by its slash-separated name.
func (b *builder) path(name string) string { return filepath.Join(b.dir, filepath.FromSlash(name)) }

// build runs oss-fuzz/build.sh on the hcsshim under test, which must not change the sources,
// keeps what it has made in b.path("out"), and copies that out of the clone. Where it does not
// fail, the caller removes the copy.
func build(ctx context.Context, e *extract.Build, sanitizer string) (*builder, error) {
	b := &builder{Build: e, dir: filepath.Join(e.Dir, "oss-fuzz", sanitizer), sanitizer: sanitizer}
	if err := b.layOut(ctx); err != nil {
		return nil, err
	}
	before, errBefore := dirhash.HashDir(b.path("src"), "", dirhash.Hash1)
	fmt.Printf("\noss-fuzz/build.sh on hcsshim %s, for %s: minutes the first time\n", e.Source.Name, sanitizer)
	cmd := gocmd.Command(ctx, b.path("src/hcsshim"), "bash", "-e", "-c", start,
		b.path("src/shimfuzz/oss-fuzz/build.sh"))
	cmd.Env = b.environment()
	printed, failed, err := workspace.Try(cmd)
	log := b.dir + ".log"
	errLog := os.WriteFile(log, []byte(printed), 0o666)
	after, errAfter := dirhash.HashDir(b.path("src"), "", dirhash.Hash1)
	err = errors.Join(err, errBefore, errLog, errAfter)
	switch {
	case err != nil:
	case failed:
		err = fmt.Errorf("build.sh fails; the end of %s:\n%s", log, tail(printed, 12))
	case before != after:
		err = errors.New("build.sh has changed the sources in " + b.path("src"))
	default:
		fmt.Printf("built and kept: %s\n", gocmd.FromHere(b.path("out")))
		if err = b.copyOut(); err != nil {
			err = errors.Join(err, os.RemoveAll(b.moved))
		}
	}
	return b, err
}

// layOut lays out the folders as the Dockerfile does, with the commands of its image and the
// object that every Go fuzzer is linked with. What it leaves out of the suite no clone has,
// or build.sh does not need.
func (b *builder) layOut(ctx context.Context) error {
	if system := runtime.GOOS + "/" + runtime.GOARCH; system != "linux/amd64" {
		return fmt.Errorf("OSS-Fuzz's builder is linux/amd64, and so must its stand-in be: this is %s", system)
	}
	err := errors.Join(os.RemoveAll(b.dir), os.MkdirAll(b.path("out"), 0o777), os.MkdirAll(b.path("work"), 0o777),
		workspace.CopyTree(b.path("bin"), filepath.Join(b.Root, "lab", "ossfuzz", "bin")),
		workspace.CopyTree(b.path("src/hcsshim"), b.Source.Dir, ".git"),
		workspace.CopyTree(b.path("src/shimfuzz"), b.Root, ".git", "build", "lab", "go.work", "go.work.sum"))
	if err != nil {
		return err
	}
	out, failed, err := workspace.Try(gocmd.Command(ctx, b.path("bin"), "bash", "-e", "-c", link))
	if failed {
		err = fmt.Errorf("libFuzzer with AddressSanitizer cannot be linked, or not be read (%s): run make -C lab "+
			"tools as root, on Debian", gocmd.OneLine(tail(out, 1)))
	}
	return err
}

// link compiles that object, and links it and reads the result as is done with a fuzzer.
const link = `clang -x c -c gosigfuzz -o gosigfuzz.o
echo 'extern "C" int LLVMFuzzerTestOneInput(const char *, unsigned long) { return 0; }' |
	clang++ -fsanitize=address,fuzzer gosigfuzz.o -x c++ - -o linked
objdump -f linked >/dev/null`

// environment is that of the builder, in which a user's choices, which make hands on to every
// make below it, too, are set to nothing.
func (b *builder) environment() []string {
	flags := "-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
	if b.sanitizer == "address" {
		flags += " -fsanitize=address -fsanitize-address-use-after-scope -fsanitize=fuzzer-no-link"
	} else {
		flags += " -fprofile-instr-generate -fcoverage-mapping"
	}
	env := os.Environ() // of two values the last one counts
	for _, name := range []string{settings.HCSShim, settings.Findings, settings.Variable, "MAKEFLAGS", "MAKEOVERRIDES",
		"MFLAGS", "MAKELEVEL", "GOFLAGS", "GOWORK", "GOTOOLCHAIN", "GOROOT", "GOOS", "GOARCH"} {
		env = append(env, name+"=")
	}
	return append(env, settings.Entry+"="+b.Entry, "SRC="+b.path("src"), "OUT="+b.path("out"), "WORK="+b.path("work"),
		"CC=clang", "CXX=clang++ -lresolv", "CFLAGS="+flags, "CXXFLAGS="+flags,
		"LIB_FUZZING_ENGINE=-fsanitize=fuzzer "+b.path("bin/gosigfuzz.o"), "SANITIZER="+b.sanitizer,
		"FUZZING_ENGINE=libfuzzer", "ARCHITECTURE=x86_64", "FUZZING_LANGUAGE=go",
		"PATH="+b.path("bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// copyOut copies the fuzzers out of the clone, where OSS-Fuzz runs them, too, unpacks their
// seeds, and removes the sources: a fuzzer must need nothing but what stands next to it. A
// report of coverage needs the sources, there as here.
func (b *builder) copyOut() (err error) {
	if b.moved, err = os.MkdirTemp("", "shimfuzz-out-"); err != nil {
		return err
	}
	err = workspace.CopyTree(b.moved, b.path("out"))
	if b.sanitizer == "address" {
		err = errors.Join(err, os.RemoveAll(b.path("src")), os.RemoveAll(b.path("work")))
	}
	for _, target := range fuzz.Names() {
		f := fuzzer{dir: b.moved, target: target, found: filepath.Join(b.Dir, "oss-fuzz-found", target)}
		archive, errSeeds := zip.OpenReader(f.binary() + "_seed_corpus.zip")
		if err := errors.Join(err, errSeeds); err != nil {
			return err
		}
		defer archive.Close()
		f.seeds = len(archive.File)
		err = os.CopyFS(f.seedDir(), archive)
		b.fuzzers = append(b.fuzzers, f)
	}
	return err
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return "\t" + strings.Join(all[max(0, len(all)-lines):], "\n\t")
}
