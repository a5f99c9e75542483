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
	underTest decoder.Decoder
	creates   []decoder.Decoder
	decoders  []decoder.Decoder
	byInput   map[contract.Input][]decoder.Decoder
	known     findings.List
	excused   findings.List

	knownOfCreates, excusedOfCreates findings.List // the same of creates
}

// underTest is the readOptions of the hcsshim under test.
func underTest() decoder.Decoder {
	return decoder.Decoder{Name: hcsshimName, Read: hcsshim.ReadOptions}
}

// creates are what decodes CreateTaskRequest.Options in the hcsshim under test.
func creates() (all []decoder.Decoder) {
	for _, c := range hcsshim.Current().Creates {
		all = append(all, decoder.Decoder{Name: createName + " (" + c.File + ")", Input: contract.Create, Read: c.Read})
	}
	return all
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
	u := &suite{settings: s, underTest: underTest(), creates: creates()}
	u.decoders = append([]decoder.Decoder{reference.Decoder, u.underTest, reference.CreateDecoder}, u.creates...)
	if s.Decoder != "" {
		u.decoders = slices.DeleteFunc(u.decoders, func(d decoder.Decoder) bool {
			return d.Name != s.Decoder && !strings.HasPrefix(d.Name, s.Decoder+" ")
		})
	}
	if len(u.decoders) == 0 {
		return nil, fmt.Errorf("there is no decoder %q: want %s, %s or %s", s.Decoder, reference.Decoder.Name,
			u.underTest.Name, createName)
	}
	u.byInput = make(map[contract.Input][]decoder.Decoder)
	for _, d := range u.decoders {
		u.byInput[d.Input] = append(u.byInput[d.Input], d)
	}
	if err := u.setFindings(); err != nil {
		return nil, err
	}
	u.knownOfCreates, u.excusedOfCreates = u.known.For(findings.Create), u.excused.For(findings.Create)
	return u, nil
}

// setFindings sets what is known and what is excused.
func (u *suite) setFindings() (err error) {
	u.known = findings.Of(findings.ReadOptions, hcsshim.Current().Version)
	u.excused = u.known
	if u.settings.Findings != "" {
		u.excused, err = findings.Named(u.settings.Findings)
	}
	return err
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

// DecodersOf are those of Decoders that have an input. The caller must not change them.
func DecodersOf(in contract.Input) []decoder.Decoder { return must().byInput[in] }

// IsReference reports whether a decoder is the reference's.
func IsReference(d decoder.Decoder) bool {
	return slices.Contains([]string{reference.Decoder.Name, reference.CreateDecoder.Name}, d.Name)
}

// Known is what is known of the decoder under test.
func Known() findings.List { return must().known }

// Excused is what of Known is not to fail a test, by the user's choice.
func Excused() findings.List { return must().excused }

// KnownOf is what is known of a decoder.
func KnownOf(d decoder.Decoder) findings.List {
	return listOf(d, must().known, must().knownOfCreates)
}

func excusedOf(d decoder.Decoder) findings.List {
	return listOf(d, must().excused, must().excusedOfCreates)
}

func listOf(d decoder.Decoder, underTest, creates findings.List) findings.List {
	switch {
	case IsReference(d):
		return findings.None
	case d.Input == contract.Create:
		return creates
	}
	return underTest
}

func hcsshimVersion() string { return hcsshim.Current().Source }

// Main runs a package's tests if there is a decoder to test, and prints what has failed by
// cause and what to do next. It returns the exit code.
func Main(run func() int) int {
	u, err := current()
	if err == nil {
		err = ready(u.settings.HCSShim)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if u.settings.Mutant != (settings.Mutant{}) {
		decoder.ForMutants()
	}
	code := run()
	coverage, ok := reached()
	if !ok && code == 0 && hcsshim.Current().Version != "" { // of a checkout its author may know why
		code = 1
	}
	fmt.Print(coverage, summary(code != 0))
	if err := flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// ready reports whether there is an hcsshim to test, and the one that the user asks for:
// a variable HCSSHIM alone does not change what go commands test.
func ready(want string) error {
	if err := hcsshim.Ready(); err != nil {
		return err
	}
	is := hcsshim.Current()
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
