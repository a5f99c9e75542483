package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"

	_ "shimfuzz/extracted" // which registers the hcsshim under test
)

// The names of the decoders that can be under test.
const (
	hcsshimName = "hcsshim"
	createName  = "create" // and the file
)

// suite is what this process tests, and what is known of it.
type suite struct {
	settings  settings.Test
	underTest decoder.Decoder   // the readOptions of the hcsshim under test
	creates   []decoder.Decoder // what decodes CreateTaskRequest.Options in it
	decoders  []decoder.Decoder // those that the settings choose, the reference's among them

	known, excused map[contract.Input]findings.List // of the decoders under test
}

// current is the suite that the process's settings ask for.
var current = sync.OnceValues(func() (*suite, error) {
	s, err := settings.Load()
	if err != nil {
		return nil, err
	}
	return newSuite(s)
})

func newSuite(s settings.Test) (*suite, error) {
	u := &suite{settings: s, underTest: decoder.Decoder{Name: hcsshimName, Read: hcsshim.Current().ReadOptions}}
	for _, c := range hcsshim.Current().Creates {
		u.creates = append(u.creates, decoder.Decoder{Name: createName + " (" + c.File + ")", Input: contract.Create,
			Read: c.Read})
	}
	for _, d := range append([]decoder.Decoder{reference.Decoder, u.underTest, reference.CreateDecoder}, u.creates...) {
		if s.Decoder == "" || d.Name == s.Decoder || strings.HasPrefix(d.Name, s.Decoder+" ") {
			u.decoders = append(u.decoders, d)
		}
	}
	if len(u.decoders) == 0 {
		return nil, fmt.Errorf("there is no decoder %q: want %s, %s or %s", s.Decoder, reference.Decoder.Name,
			u.underTest.Name, createName)
	}
	known := findings.All.Of(findings.ReadOptions, hcsshim.Current().Version)
	excused := known
	if s.Findings != "" {
		var err error
		if excused, err = findings.Named(s.Findings); err != nil {
			return nil, err
		}
	}
	u.known, u.excused = byInput(known), byInput(excused)
	return u, nil
}

func byInput(l findings.List) map[contract.Input]findings.List {
	return map[contract.Input]findings.List{contract.Stdin: l, contract.Create: findings.All.For(l, findings.Create)}
}

// readAgain reads the settings while a test runs: go test caches a result for the
// variables that the tests have read, and does not see what Main reads before them.
var readAgain = sync.OnceFunc(func() { _, _ = settings.Load() })

// must is the suite. Main has reported an error before any test runs; a fuzzer of
// OSS-Fuzz, which has no Main, ends with it.
func must() *suite {
	u, err := current()
	if err != nil {
		panic(err)
	}
	return u
}

// Settings are the process's.
func Settings() settings.Test { return must().settings }

// UnderTest is the decoder under test.
func UnderTest() decoder.Decoder { return must().underTest }

// Creates are what decodes CreateTaskRequest.Options in the hcsshim under test.
func Creates() []decoder.Decoder { return must().creates }

// Decoders are those that properties are run on: the reference's and those under
// test; or some of them, because only these are mutants.
func Decoders() []decoder.Decoder { return must().decoders }

// DecodersOf are those of Decoders that have an input.
func DecodersOf(in contract.Input) []decoder.Decoder {
	return slices.DeleteFunc(slices.Clone(Decoders()), func(d decoder.Decoder) bool { return d.Input != in })
}

// IsReference reports whether a decoder is the reference's.
func IsReference(d decoder.Decoder) bool {
	return d.Name == reference.Decoder.Name || d.Name == reference.CreateDecoder.Name
}

// Known is what is known of readOptions.
func Known() findings.List { return must().known[contract.Stdin] }

// Excused is what of Known is not to fail a test, by the user's choice.
func Excused() findings.List { return must().excused[contract.Stdin] }

// FindingsOf is what is known of a decoder, and what of that is excused.
func FindingsOf(d decoder.Decoder) (known, excused findings.List) {
	if IsReference(d) {
		return findings.None, findings.None
	}
	return must().known[d.Input], must().excused[d.Input]
}

// Main runs a package's tests if there is a decoder to test, and prints what has failed by
// cause and what to do next. It returns the exit code.
func Main(run func() int) int {
	if err := Ready(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := run()
	finish(code != 0)
	return code
}

// Ready reports whether there is an hcsshim to test, and the one that the user asks for:
// a variable HCSSHIM alone does not change what go commands test.
func Ready() error {
	if hcsshim.Current().Source == "" {
		return hcsshim.ErrNotExtracted
	}
	u, err := current()
	if err != nil {
		return err
	}
	want, is := u.settings.HCSShim, hcsshim.Current()
	if want == "" || want == is.Version || want == is.Source {
		return nil
	}
	root, err := settings.Root() // from which make and the command take a path
	if err != nil {
		return err
	}
	if dir, err := filepath.Abs(want); err == nil && (dir == is.Dir || filepath.Join(root, want) == is.Dir) {
		return nil
	}
	return fmt.Errorf("HCSSHIM=%s is not what is under test, which is hcsshim %s: run make test HCSSHIM=%[1]s, "+
		"or plain go commands with GOWORK=$(go run ./cmd/shimfuzz extract -hcsshim=%[1]s)", want, is.Source)
}
