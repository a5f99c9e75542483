package conformance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/joshdk/go-junit"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/bugs"
	"shimfuzz/lab/conformance/protocol"
)

// The test binary is also the reader, if the environment says so.
func TestMain(m *testing.M) {
	if reader := readers[os.Getenv("BE_A_READER")]; reader != nil {
		protocol.Main(reader)
		return
	}
	os.Exit(m.Run())
}

var readers = map[string]func([]byte) protocol.Answer{
	"right": right,
	// It refuses what the contract leaves free.
	"strict": func(b []byte) protocol.Answer {
		isMalformed := func(o contract.Outcome) bool { return o.Kind == contract.Malformed }
		if slices.ContainsFunc(reference.Want(b).Or, isMalformed) {
			return protocol.Answer{Outcome: string(contract.Malformed), Detail: []byte("strict")}
		}
		return right(b)
	},
	// It drops scrub_logs: false, takes strings that are not UTF-8, and gives up on field 1000.
	"buggy": func(b []byte) protocol.Answer {
		if bytes.Contains(b, []byte("\xc0\x3e")) {
			panic("field 1000")
		}
		o := reference.Answer(b)
		if o.Kind == contract.Malformed && bytes.Contains(b, []byte("\xed\xa0\x80")) {
			o = contract.Outcome{Kind: contract.None}
		}
		if o.Kind == contract.Options && !o.Options.(*options.Options).GetScrubLogs() {
			m := o.Options.ProtoReflect()
			m.Clear(m.Descriptor().Fields().ByName("scrub_logs"))
		}
		return told(o)
	},
	// It has the known defect of its engine.
	"cpp":     func(b []byte) protocol.Answer { return right(bugs.Engines["cpp"].Reads(b)) },
	"misused": func([]byte) protocol.Answer { return protocol.Answer{Outcome: "nonsense"} },
	"unable": func(b []byte) protocol.Answer {
		if len(b) > 0 {
			return protocol.Answer{Outcome: protocol.Unable, Detail: []byte("not here")}
		}
		return right(b)
	},
	"silent": func(b []byte) protocol.Answer {
		if len(b) > 0 {
			time.Sleep(time.Hour)
		}
		return right(b)
	},
}

func right(payload []byte) protocol.Answer { return told(reference.Answer(payload)) }

func told(o contract.Outcome) protocol.Answer {
	switch {
	case o.Kind == contract.Options:
		return protocol.Encoded(proto.Marshal(contract.WithoutUnknown(o.Options)))
	case o.Err != nil:
		return protocol.Answer{Outcome: string(o.Kind), Detail: []byte(o.Err.Error())}
	}
	return protocol.Answer{Outcome: string(o.Kind)}
}

var isTested = regexp.MustCompile(`^(field 20 |field 5 utf8-|unknown |tag-above-)`)

// few are checks that take little time.
func (r *run) few(ask func(question)) {
	for _, c := range r.cases {
		if c.Origin != nil {
			ask(r.ofCase(Required, "recorded", c, c.Payload.Bytes))
		}
	}
	if r.Level == Required {
		return
	}
	r.mutated(ask)
	r.draw(ask, Recommended, "malformed", one(func(rnd grammar.Rand) []byte {
		return grammar.RunHCS.Malformed(rnd).Bytes
	}))
	in := grammar.RunHCS.Contexts()[slices.IndexFunc(grammar.RunHCS.Contexts(), func(c grammar.Context) bool {
		return c.Name == "Options in a legacy Any"
	})]
	some := func(yield func(grammar.Sentence) bool) {
		for s := range grammar.RunHCS.Sentences(in, 2) {
			isOther := func(t grammar.Token) bool { return !isTested.MatchString(t.Name) }
			if !slices.ContainsFunc(s.Tokens, isOther) && !yield(s) {
				return
			}
		}
	}
	sentences(ask, "walk/"+in.Name, some)
}

// started starts a reader of the test binary.
func started(t *testing.T, behavior string, s *Settings) *run {
	t.Helper()
	t.Setenv("BE_A_READER", behavior)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.Reader, s.Seed, s.Checks, s.Longest, s.Level = self, 1, 20, 2, cmp.Or(s.Level, Freedoms)
	s.Options = contract.OptionsName
	r, err := start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.reader.Close() })
	r.reader.Limit = 5 * time.Minute
	return r
}

// conform runs a reader of the test binary on few checks, and returns what is printed.
func conform(t *testing.T, behavior string, s Settings) (dir, out string, passes bool, err error) {
	t.Helper()
	r := started(t, behavior, &s)
	if behavior == "silent" {
		r.reader.Limit = 20 * time.Millisecond
	}
	dir = t.TempDir()
	var b strings.Builder
	passes, err = r.conform(context.Background(), &b, dir, r.few)
	return dir, b.String(), passes, err
}

// A right reader passes, and so does one that uses its freedoms. A reader that does not keep
// to the protocol ends the run in a line. A wrong answer that a known defect of the engine
// explains is excused, and counted; a defect that does not show, and one that is not known,
// are red.
func TestConform(t *testing.T) {
	for _, test := range []struct {
		behavior string
		settings Settings
		passes   bool
		want     string // in what is printed, or in the error
	}{
		{"right", Settings{}, true, " 0 failed, 0 of them expected, 0 causes"},
		{"strict", Settings{}, true, " 0 failed, 0 of them expected, 0 causes"},
		{"misused", Settings{}, false, `"nonsense" is not an outcome`},
		{"unable", Settings{}, false, "cannot be run here: not here"},
		{"silent", Settings{}, false, "has hung 5 times in a row"},
		{"cpp", Settings{Engine: "cpp", Payloads: 1000}, true, "answers, by cut-tag: a tag of"},
		{"right", Settings{Engine: "cpp"}, false, "cut-tag: this known defect has not shown"},
		{"cpp", Settings{Engine: "rust", Payloads: 1000}, false, "M4: options instead of error/malformed"},
	} {
		_, out, passes, err := conform(t, test.behavior, test.settings)
		if err != nil {
			if out = err.Error(); strings.Contains(out, "\n") {
				t.Errorf("%s: the error has several lines", test.behavior)
			}
		}
		if passes != test.passes || !strings.Contains(out, test.want) {
			t.Errorf("%s as %q: %v, want %v and %s\n%s", test.behavior, test.settings.Engine, passes, test.passes,
				test.want, out)
		}
	}
}

func readReport(t *testing.T, dir string) (r Report) {
	t.Helper()
	text := read(t, filepath.Join(dir, "report.json"))
	holds(t, reportSchema, text)
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Each bug is a cause with its ids, its tests are named by their tokens, and none is a
// combination of tokens.
func TestCauses(t *testing.T) {
	dir, out, passes, err := conform(t, "buggy", Settings{})
	if err != nil || passes {
		t.Fatalf("%v, %v\n%s", passes, err, out)
	}
	r := readReport(t, dir)
	var causes, names []string
	for _, c := range r.Causes {
		causes = append(causes, c.Name)
	}
	for _, f := range r.Failures {
		names = append(names, f.Name)
		payload, err := os.ReadFile(f.File)
		if err != nil || len(payload) == 0 {
			t.Errorf("%s: its payload is not kept: %v", f.Name, err)
		}
	}
	for _, want := range []string{
		"M11: none instead of error/malformed",
		"R3: options: scrub_logs unset instead of false", // of containerd's own
		"R4a: options: scrub_logs unset instead of false",
		"unknown: panic instead of options",
		"recommended/walk/Options-in-a-legacy-Any/unknown-1000",
		"recommended/walk/Options-in-a-legacy-Any/field-5-utf8-surrogate",
		"recommended/walk/Options-in-a-legacy-Any/field-20-false",
	} {
		if !slices.Contains(append(causes, names...), want) {
			t.Errorf("no %q", want)
		}
	}
	if len(causes) > 8 || strings.Contains(strings.Join(names, ""), "+") {
		t.Errorf("%d causes:\n%s\n%s", len(causes), strings.Join(causes, "\n"), strings.Join(names, "\n"))
	}
	out = strings.ReplaceAll(out, filepath.Base(filepath.Dir(dir)), "") // which is named after this test
	for _, word := range []string{"Test", "guarantee", "Go result", ".go:"} {
		if strings.Contains(out, word) {
			t.Errorf("the output says %q:\n%s", word, out)
		}
	}
}

// The file is one that another parser reads, with a skipped test for an expected failure.
func TestJUnit(t *testing.T) {
	list := filepath.Join(t.TempDir(), "expected.txt")
	write(t, list, "recommended/walk/Options-in-a-legacy-Any/unknown-1000 # panic instead of options\n"+
		"required/x # none instead of options\n")
	dir, _, _, err := conform(t, "buggy", Settings{Expected: list})
	if err != nil {
		t.Fatal(err)
	}
	suites, err := junit.IngestFile(filepath.Join(dir, "junit.xml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, failed := 1, 1 // the outdated entry
	for _, c := range readReport(t, dir).Levels {
		tests, failed = tests+c.Tests, failed+c.Failed-c.Expected
	}
	if got := suites[0].Totals; got.Tests != tests || got.Failed != failed || got.Skipped != 1 {
		t.Errorf("%+v, want %d tests, %d failed, 1 skipped", got, tests, failed)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A list that UPDATE=1 writes is what happens, also where fewer levels are run, and keeps its comments.
func TestExpected(t *testing.T) {
	list := filepath.Join(t.TempDir(), "expected.txt")
	const head = "# what the old release has\n\n"
	write(t, list, head+"recommended/no-such-test # panic instead of options\n")
	for _, s := range []Settings{{Update: true}, {}, {Level: Required}} {
		s.Expected = list
		if _, out, passes, err := conform(t, "buggy", s); err != nil || !passes {
			t.Errorf("%v, %v\n%s", passes, err, out)
		}
	}
	const added = "\n# M11: none instead of error/malformed\n" +
		"recommended/walk/Options-in-a-legacy-Any/field-5-utf8-surrogate # none instead of error/malformed\n"
	if s := string(read(t, list)); !strings.HasPrefix(s, head+"\n# ") || !strings.Contains(s, added) {
		t.Error(s)
	}
}

// A line with a * is for all tests whose names it matches: it is red if one of them passes, or none
// fails so. UPDATE=1 keeps it while it holds, and puts names in its place after that.
func TestExpectedPattern(t *testing.T) {
	checks := func(ask func(question)) {
		ask(question{level: Required, place: "a/x/1",
			payload: grammar.PlainAny(contract.OptionsName, []byte("\xc0\x3e\x01"))})
		ask(question{level: Required, place: "a/x/2"})
	}
	list := filepath.Join(t.TempDir(), "expected.txt")
	const answer, failed = " # panic instead of options", "required/a/x/1: failed: panic instead of options"
	byName := "\n# R4a: panic instead of options\nrequired/a/x/1" + answer + "\n"
	for _, test := range []struct{ line, red, updated string }{
		{"required/a/x/1" + answer, "", "required/a/x/1" + answer + "\n"},
		{"required/*1" + answer, "", "required/*1" + answer + "\n"}, // any text, / too
		{"required/a/*/1 # none", failed, byName[1:]},
		{"required/b/*" + answer, "required/b/*: no test fails so: expected panic", byName[1:]},
		{"required/a" + answer, "required/a: no test fails so", byName[1:]}, // a part of a name is none
		{"required/a/x/*" + answer, "required/a/x/*: required/a/x/2 passed: expected panic", byName[1:]},
		{"freedoms/*" + answer, failed, "freedoms/*" + answer + "\n" + byName}, // of a level that is not run
	} {
		write(t, list, test.line+"\n")
		for _, update := range []bool{false, true} {
			r := started(t, "buggy", &Settings{Expected: list, Level: Required, Update: update})
			passes, err := r.conform(context.Background(), io.Discard, t.TempDir(), checks)
			problems := strings.Join(r.Problems, "\n")
			red := test.red
			if update {
				red = ""
			}
			if err != nil || passes != (red == "") || !strings.Contains(problems, red) {
				t.Errorf("%s, update %v: %v, %v, want %q:\n%s", test.line, update, passes, err, red, problems)
			}
			if text := string(read(t, list)); update && text != test.updated {
				t.Errorf("%s is updated to\n%s", test.line, text)
			}
		}
	}
}

// TEST runs the tests that it names, and says so. A combination fails for what its tokens fail for, though
// these are not named. A name of no test is an error in a line.
func TestPart(t *testing.T) {
	for _, test := range []struct {
		only     string
		payloads bool // some are asked
		failures []string
	}{
		{"recommended/walk/Options-in-a-legacy-Any/unknown-1000", true, []string{"unknown-1000"}},
		{"*/field-20-false", true, []string{"field-20-false"}},
		{"recommended/walk/*/unknown-1000+field-20-false", true, nil},
		{"required/recorded/*_none", true, nil},
		{"recommended/walk", false, nil},
	} {
		dir, out, passes, err := conform(t, "buggy", Settings{Only: test.only})
		if !test.payloads {
			if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "TEST="+test.only) {
				t.Errorf("%s: %v", test.only, err)
			}
			continue
		}
		var failures []string
		for _, f := range readReport(t, dir).Failures {
			failures = append(failures, f.Name[strings.LastIndexByte(f.Name, '/')+1:])
		}
		if err != nil || passes != (test.failures == nil) || !slices.Equal(failures, test.failures) ||
			!strings.Contains(out, "A PART: only the tests that TEST="+test.only) {
			t.Errorf("%s: %v, %v, %q\n%s", test.only, passes, err, failures, out)
		}
	}
	all := &Settings{Options: contract.OptionsName, Only: "*", Update: true, Expected: "list"}
	if _, err := start(all); err == nil {
		t.Error("a part is the whole list")
	}
}

// What cannot be read in a list is an error with the line.
func TestReadExpected(t *testing.T) {
	for _, test := range []struct{ text, err string }{
		{"# a comment\n\nrequired/x # none instead of options\n", ""},
		{"required/x none instead of options\n", ":1: want name # answer"},
		{"\nrequired/x # \n", ":2: want name # answer"},
		{"a/x # none instead of options\n", ":1: want name # answer"},
		{"required/a b # none\n", ":1: want name # answer"},
	} {
		file := filepath.Join(t.TempDir(), "list")
		write(t, file, test.text)
		_, err := readExpected(file, false)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), file+test.err) {
			t.Errorf("%q: %v, want %s", test.text, err, test.err)
		}
	}
	if _, err := readExpected(filepath.Join(t.TempDir(), "none"), false); err == nil {
		t.Error("no file is no error")
	}
}

// An interrupted run says what is known.
func TestInterrupted(t *testing.T) {
	r := started(t, "right", new(Settings))
	ctx, cancel := context.WithCancel(context.Background())
	many := func(ask func(question)) {
		for range 5000 {
			ask(question{level: Required, place: "many", payload: []byte{8, 1}})
			cancel()
		}
	}
	var out strings.Builder
	dir := t.TempDir()
	passes, err := r.conform(ctx, &out, dir, many)
	if err != nil || passes || !strings.Contains(out.String(), "INTERRUPTED") || !readReport(t, dir).Interrupted {
		t.Errorf("%v, %v\n%s", passes, err, out.String())
	}
}

// What matters is all that remains, wherever it stands and however it is written.
func TestSmaller(t *testing.T) {
	in := wire.Message{wire.Sub(2, wire.Sub(18, wire.String(1, "k"), wire.String(2, "v")).Wide(4))}.Encode()
	out := wire.Message{wire.Sub(2, wire.Sub(18, wire.String(1, "k")).Wide(4))}.Encode()
	if !slices.ContainsFunc(smaller(in), func(b []byte) bool { return bytes.Equal(b, out) }) {
		t.Errorf("%x is not made %x", in, out)
	}
	rest := []wire.Part{wire.Varint(1, 1).WideTag(5), wire.Sub(7, wire.String(1, "something else"))}
	annotation := wire.Sub(18, wire.String(1, "an annotated one"), wire.String(2, "x")).Wide(4)
	for _, test := range []struct {
		in, want wire.Message
	}{
		{wire.Message{wire.String(1, "a"), wire.Sub(2, append(rest, annotation)...), wire.Varint(9, 1)},
			wire.Message{wire.Sub(2, wire.Sub(18, wire.String(1, "annotated")))}},
		{wire.Message{wire.Group(3, append(rest, annotation)...).WideTag(4)},
			wire.Message{wire.Group(3, wire.Sub(18, wire.String(1, "annotated"))).WideTag(4)}},
		{wire.Message{wire.String(1, "a"), wire.Raw([]byte("\xff\xffannotated"))},
			wire.Message{wire.Raw([]byte("annotated"))}},
	} {
		b := test.in.Encode()
		for found := true; found; {
			found = false
			for _, c := range smaller(b) {
				if bytes.Contains(c, []byte("annotated")) && len(c) < len(b) {
					b, found = c, true
					break
				}
			}
		}
		if want := test.want.Encode(); len(b) > len(want) {
			t.Errorf("%x, want %x", b, want)
		}
	}
}
