package windows

import (
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/windows/wine"
)

// Each command of the real shims does what it must (expect_test.go): with the corpus, with
// generated payloads, and with an Any of each message type that is linked.
func TestCommands(t *testing.T) {
	all := chosen(*checks)
	say("%d cases of the corpus, %d of them with the same bytes as another; %d of the others are run", len(cases),
		len(cases)-len(different), len(all))
	anys := slices.DeleteFunc(chosen(allChecks), func(p payload) bool { return !strings.Contains(p.name, "_info_") })
	anys = slices.Concat(bareAnys, anys, some(chosen(allChecks)))
	var linked []payload
	for _, name := range grammar.RegisteredNames() {
		linked = append(linked, anyPayload(name, wire.String(1, name)))
	}
	for _, name := range onlyLinkedThere { // typeurl decodes these from JSON
		linked = append(linked, anyPayload(name, wire.String(1, name), wire.String(2, "{}")))
	}
	for _, row := range []struct {
		name     string
		shims    []*shim
		command  command
		marks    bool // each payload is also given with a marker in its options
		payloads []payload
	}{
		// serve does what its decoder answers, also with a marker in the options.
		{"Corpus", shims, serve, true, all},
		{"Generated", shims, serve, true, generated()},
		// typeurl looks types up by their names, so the linked types are a part of the input.
		{"Registry", shims[:1], serve, false, linked},
		// start passes its standard input on, and prints where serve serves.
		{"Start", shims[:1], start, true, some(chosen(0))},
		// It hangs for others, which is a finding; and each of these leaves a process running.
		{"StartLCOW", shims[1:], start, false, []payload{byName(t, "legacy_no_stdin"), byName(t, "bootstrap_options")}},
		// -info, which reads a bare Any, prints the options that were sent.
		{"Info", shims[1:], info, false, anys},
		// Others do the same whatever their standard input is.
		{"Delete", shims, remove, false, bareAnys},
		{"NoInfo", shims[:1], info, false, bareAnys},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if len(row.shims) == 0 || row.name == "StartLCOW" && runtime.GOOS == "windows" {
				say("NOT RUN: %s, because this hcsshim has no lcow-v2 that reads options, or nothing would end what "+
					"it starts", row.name)
				return
			}
			for _, p := range row.payloads {
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					for _, s := range row.shims {
						s.judge(t, row.command, p, s.do(t, row.command, p))
						if row.marks {
							s.checkMarked(t, row.command, p)
						}
					}
				})
			}
		})
	}
}

// Create of runhcs-v1 does what it must, and logs the options that it was given, field by
// field: on every case of the corpus, read as the bare Any that CreateTaskRequest.Options is,
// on what only a bare Any can be, and on an Any of each linked type, for most of which it
// panics (foreign-type-panics): a part of these, depending on SEED, or all from CHECKS=1000 on.
func TestCreate(t *testing.T) {
	t.Parallel()
	rows := slices.Clone(bareAnys)
	for _, c := range different {
		c.Payload.Bytes = append([]byte{}, c.Payload.Bytes...) // nil would be no Any
		rows = append(rows, payload{c.Name, c.Payload})
	}
	names := grammar.RegisteredNames()
	n := min(len(names), len(names)**checks/allChecks+1)
	for _, i := range rand.New(rand.NewSource(int64(*seed))).Perm(len(names))[:n] {
		rows = append(rows, anyPayload(names[i], wire.String(1, names[i])))
	}
	counts := make(map[Kind]int)
	for i, got := range runhcs.create(t, rows...) {
		counts[got.Kind]++
		t.Run(rows[i].name, func(t *testing.T) { runhcs.judge(t, create, rows[i], got) })
	}
	say("Create with the corpus, and %d of %d linked types: %d requests, %d accepted, %d refused, %d ended the shim", n,
		len(names), len(rows), counts[Accepted], counts[Refused], counts[Panicked])
	if !runhcs.shows {
		say("NOT RUN: the fields of the options of Create, because this hcsshim does not log them")
	}
}

// The shims do what they must with one payload, and it is shown: make -C lab e2e CASE=file.
func TestCase(t *testing.T) {
	if *file == "" {
		t.Skip("NOT RUN: one payload, for CASE is not set")
	}
	b, err := os.ReadFile(*file)
	if err != nil {
		t.Fatal(err)
	}
	p := payload{*file, grammar.Payload{Bytes: b, Description: *file}}
	for _, s := range shims {
		for _, c := range commands[s] {
			if s == lcow && c.name == start.name {
				continue // it hangs if serve refuses the payload
			}
			e, got := c.expect(s, b), s.do(t, c, p)
			s.judge(t, c, p, got)
			say("%s %s\n  %s\n  so it must do  %v\n  it did         %v", s.name, c.name, e.because, e.want, got)
		}
	}
}

// What make -C lab e2e chooses.
var (
	dir    = flag.String("shims", "", "`folder` with the shims built for Windows; without it none are run")
	file   = flag.String("case", "", "`file` with the one payload to give them; without it they get the others")
	seed   = flag.Int("seed", 1, "of the generated payloads")
	checks = flag.Int("checks", 300, "how many payloads are generated")
)

// The shims, and the host on which they run; and the corpus, with and without the cases that
// have the same bytes as an earlier one, as many recordings of containerd have.
var (
	shims            []*shim // runhcs-v1, and lcow-v2 if this hcsshim has one that reads options
	host             *wine.Host
	cases, different []corpus.Case
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(verify.Main(func() int {
		if *dir == "" {
			say("NOT RUN: the real shims, which make -C lab e2e builds and runs")
			return 0
		}
		if err := prepare(); err != nil {
			fmt.Println(err)
			return 1
		}
		code := m.Run()
		say("%d runs of the shims judged", judged.Load())
		return code
	}))
}

func prepare() error {
	root, err1 := settings.Root()
	var err2, err3 error
	host, err2 = wine.Open(root)
	cases, err3 = corpus.Load()
	seen := make(map[string]bool)
	for _, c := range cases {
		if !seen[c.SHA256] {
			different = append(different, c)
		}
		seen[c.SHA256] = true
	}
	for _, s := range []*shim{runhcs, lcow} {
		s.file = filepath.Join(*dir, s.name+".exe")
		if program, err := os.ReadFile(s.file); err == nil {
			s.shows = s == lcow || strings.Contains(string(program), logged) // since hcsshim v0.14.0
			shims = append(shims, s)
		}
	}
	return errors.Join(err1, err2, err3)
}

// say prints a line that make -C lab e2e shows even if the test passes.
func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// judged counts the runs that were judged.
var judged atomic.Int64

// judge fails t unless what the command did is what it must do.
func (s *shim) judge(t testing.TB, c command, p payload, got Behavior) {
	t.Helper()
	judged.Add(1)
	e := c.expect(s, p.Bytes)
	if !e.want.met(got) {
		s.fail(t, c, p, verdict.Report{Verdict: verdict.Wrong, Finding: e.finding,
			Want: e.want.String() + "\nbecause " + e.because, Got: got.String(), Difference: e.want.difference(got)})
	}
}

// fail saves the payload, completes a report, and fails t with it.
func (s *shim) fail(t testing.TB, c command, p payload, r verdict.Report) {
	t.Helper()
	file, err := verify.Save(t.Name(), p.Bytes)
	if err != nil {
		t.Error(err)
	}
	args := verify.Settings().CaseArguments(file)
	r.Replay = "make -C lab e2e " + args + "   what the real shims do\n" +
		"make repro " + args + "   what the payload is, and what readOptions answers"
	r.Program = fmt.Sprintf("%s %s of hcsshim %s", s.name, c.name, hcsshim.Current().Source)
	r.Payload = p.Payload
	r.Guarantee = contract.GuaranteeOf(reference.Answer(p.Bytes).Kind)
	if r.Finding != nil {
		r.Guarantee = r.Finding.Breaks
	}
	r.Group = r.Guarantee.Name + ": " + r.Program
	verify.Record(t.Name(), r)
	t.Error(r.String())
}

// generated are CHECKS payloads that depend on SEED: one of six is a changed case of the
// corpus.
func generated() (list []payload) {
	bytes, properties := corpus.Payloads(cases), grammar.RunHCS.Properties()
	for i := range *checks {
		rnd := rand.New(rand.NewSource(int64(*seed)<<32 + int64(i)))
		drawn := []grammar.Payload{{Bytes: grammar.Changed(rnd, bytes), Description: "a case of the corpus, changed"}}
		if i%6 != 0 {
			drawn = properties[rnd.Intn(len(properties))].Draw(rnd)
		}
		p := drawn[rnd.Intn(len(drawn))]
		p.Description = fmt.Sprintf("SEED=%d, number %d: %s", *seed, i, p.Description)
		list = append(list, payload{strconv.Itoa(i), p})
	}
	return list
}
