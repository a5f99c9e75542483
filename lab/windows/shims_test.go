package windows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"shimfuzz/corpus"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/windows/wine"
)

// shim is a program that make -C lab e2e has built.
type shim struct {
	name     string   // of its executable file, without .exe
	program  string   // its name in package findings
	refusals []string // what stands before the error in its output when it refuses a payload, after its name
	accepts  []string // what is in its output when it has accepted a payload

	file  string // "" for a shim that this hcsshim does not have
	shows bool   // its output has the options that it was given as a bare Any
}

// The shims. lcow-v2 checks the version of Windows after the options, and Wine's is too old
// for it. On a newer Windows it fails because its command line has no namespace.
var (
	runhcs = &shim{name: "containerd-shim-runhcs-v1", program: findings.RunHCS,
		refusals: []string{"failed to read shim options from stdin: ", "Incorrect Usage. "},
		accepts:  []string{"socket is required to be pipe address"}}
	lcow = &shim{name: "containerd-shim-lcow-v2", program: findings.LCOW,
		refusals: []string{"failed to unmarshal bootstrap params: ",
			"failed to extract runtime options from bootstrap params: ", "failed to read runtime options "},
		accepts: []string{"is not supported", "shim namespace cannot be empty"}}
)

// What make -C lab e2e has prepared: its settings, the shims, and the host on which they run;
// and the corpus.
var (
	set   Settings
	shims []*shim
	host  *wine.Host
	cases []corpus.Case
)

func TestMain(m *testing.M) {
	os.Exit(verify.Main(func() int {
		text := verify.Settings().Lab
		if text == "" {
			say("NOT RUN: the real shims, which make -C lab e2e builds and runs")
			return 0
		}
		if err := prepare(text); err != nil {
			fmt.Println(err)
			return 1
		}
		go showProgress()
		code := m.Run()
		say("%d runs of the shims judged", judged.Load())
		return code
	}))
}

func prepare(text string) error {
	var err1, err2 error
	err := json.Unmarshal([]byte(text), &set)
	host, err1 = wine.Open(set.Wine)
	cases, err2 = corpus.Load()
	for _, s := range []*shim{runhcs, lcow} {
		file := filepath.Join(set.Shims, s.name+".exe")
		if program, err := os.ReadFile(file); err == nil {
			s.file, s.shows = file, s == lcow || bytes.Contains(program, []byte(logged)) // since hcsshim v0.14.0
			shims = append(shims, s)
		}
	}
	return errors.Join(err, err1, err2)
}

const (
	namespace = "shimfuzz"
	pipes     = `\\.\pipe\ProtectedPrefix\Administrators\containerd-shim-` // where shims serve
)

// runs numbers the runs of this process. Pipes are named after the container, and
// two runs must not use the same pipe at the same time.
var runs atomic.Int64

func containerID() string { return fmt.Sprintf("e2e-%d-%d", os.Getpid(), runs.Add(1)) }

// observed is what was observed of one run.
type observed struct {
	wine.Result
	output  string // of the shim itself: that of a serve that start starts is in panic.log in the bundle
	address string // of the pipe on which that serves
}

// run gives a payload to a command of the shim. A run that shows nothing is
// repeated once: under Wine about one run of lcow-v2 in a thousand ends without any
// output, with any payload. If the shim is the cause, it happens again.
func (s *shim) run(t testing.TB, c command, payload []byte) (Behavior, observed) {
	t.Helper()
	r := s.runOnce(t, c, payload)
	got := c.read(s, r)
	if got.Kind != Unrecognized || r.output != "" || runtime.GOOS == "windows" {
		return got, r
	}
	if n := silent.Add(1); n > max(10, runs.Load()/200) {
		t.Fatalf("%d of %d runs ended without any output, more than can be attributed to Wine", n, runs.Load())
	}
	say("%s: a run of %s ended without any output, exit code %d after %.2f s, and is repeated", t.Name(), s.name,
		r.Exit, r.Seconds)
	r = s.runOnce(t, c, payload)
	return c.read(s, r), r
}

// silent counts the runs of this process that ended without any output.
var silent atomic.Int64

func (s *shim) runOnce(t testing.TB, c command, payload []byte) observed {
	t.Helper()
	id, bundle := containerID(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := exec(t, s.file, c.limit, bundle, payload, s.arguments(c.name, id)...)
	panicLog, _ := os.ReadFile(filepath.Join(bundle, "panic.log")) // only start makes one
	output := string(panicLog) + r.Stderr
	if c.name != "start" {
		output += r.Stdout
	}
	return observed{r, output, pipes + namespace + "-" + id + "-pipe"}
}

func (s *shim) arguments(command, id string) []string {
	flags := []string{"-namespace", namespace, "-address", "a", "-publish-binary", "b", "-id", id}
	switch {
	case command == "serve" && s == lcow:
		return []string{"serve"}
	case command == "serve":
		return append(flags, "serve", "-socket", "bad")
	case command == "delete":
		return append(flags, "-bundle", ".", "delete")
	}
	return append(flags, command)
}

// exec runs a program.
func exec(t testing.TB, program string, limit time.Duration, dir string, stdin []byte, args ...string) wine.Result {
	t.Helper()
	r, err := host.Run(context.Background(), wine.Command{Program: program, Args: args, Dir: dir, Stdin: stdin,
		Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
