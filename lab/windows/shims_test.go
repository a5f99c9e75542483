package windows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"shimfuzz/internal/settings"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/windows/wine"
)

func TestMain(m *testing.M) {
	if s, err := settings.Load(); err == nil && s.E2E == nil { // Main reports an error
		say(notRun)
	}
	os.Exit(verify.Main(m.Run))
}

const notRun = "NOT RUN: the real shims, which make -C lab e2e builds and runs"

// limit is the time limit of one run: several hundred times what a run takes, for
// machines that are busy.
const limit = 60 * time.Second

// installed is a shim that has been built, and the host on which it runs.
type installed struct {
	Program
	host *wine.Host
	file string
}

// e2eSettings skips the test unless make -C lab e2e runs it.
func e2eSettings(t *testing.T) *settings.E2E {
	t.Helper()
	s := verify.Settings().E2E
	if s == nil {
		t.Skip(notRun)
	}
	return s
}

// shims returns the shims that make -C lab e2e has built: runhcs-v1 first, and lcow-v2
// if this hcsshim has it. It skips the test unless make -C lab e2e runs it.
func shims(t *testing.T) []installed {
	t.Helper()
	s := e2eSettings(t)
	host, err := wine.Open(s.Wine)
	if err != nil {
		t.Fatal(err)
	}
	have := []installed{{RunHCS, host, filepath.Join(s.Shims, RunHCS.Name+".exe")}}
	if _, err := os.Stat(have[0].file); err != nil {
		t.Fatal(err)
	}
	if lcow := filepath.Join(s.Shims, LCOW.Name+".exe"); exists(lcow) {
		have = append(have, installed{LCOW, host, lcow})
	}
	return have
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func (s installed) isLCOW() bool { return s.Findings == findings.LCOW }

// runs numbers the runs of this process. Pipes are named after the container, and
// two runs must not use the same pipe at the same time.
var runs atomic.Int64

func containerID() string { return fmt.Sprintf("e2e-%d-%d", os.Getpid(), runs.Add(1)) }

// serve gives a payload to the shim's serve. A run that Wine has lost is repeated
// once.
func (s installed) serve(t testing.TB, payload []byte) (Behavior, wine.Result) {
	t.Helper()
	r := s.serveOnce(t, payload)
	if s.lost(t, r, r.Stdout+r.Stderr) {
		r = s.serveOnce(t, payload)
	}
	return s.Read(r), r
}

func (s installed) serveOnce(t testing.TB, payload []byte) wine.Result {
	t.Helper()
	args := []string{"serve"}
	if !s.isLCOW() {
		args = append(globals(containerID()), "serve", "--socket", "bad")
	}
	return s.run(t, t.TempDir(), payload, args)
}

func globals(id string) []string {
	return []string{"--namespace", namespace, "--address", "a", "--publish-binary", "b", "--id", id}
}

const namespace = "shimfuzz"

// start gives a payload to the shim's start, in a bundle, and returns the behavior of
// the serve that it starts, and what start must print.
func (s installed) start(t testing.TB, payload []byte) (got Behavior, r wine.Result, address string) {
	t.Helper()
	got, r, address, output := s.startOnce(t, payload)
	if got.Kind == Unrecognized && s.lost(t, r, output) {
		got, r, address, _ = s.startOnce(t, payload)
	}
	return got, r, address
}

func (s installed) startOnce(t testing.TB, payload []byte) (got Behavior, r wine.Result, address, output string) {
	t.Helper()
	bundle := t.TempDir()
	id := containerID()
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	args := append(globals(id), "start")
	if s.isLCOW() {
		args = []string{"-namespace", namespace, "-id", id, "-address", "a", "start"}
	}
	r = s.runFor(t, startLimit, bundle, payload, args)
	log, err := os.ReadFile(filepath.Join(bundle, "panic.log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	address = `\\.\pipe\ProtectedPrefix\Administrators\containerd-shim-` + namespace + "-" + id + "-pipe"
	if s.isLCOW() {
		text, err := json.Marshal(address)
		if err != nil {
			t.Fatal(err)
		}
		address = `{"version":3,"address":` + string(text) + `,"protocol":"ttrpc"}`
	}
	got = s.ReadStart(r, string(log))
	if s.isLCOW() && got.Kind == Unrecognized && r.Exit == 0 {
		got = Behavior{Kind: Accepted} // its serve is in a process group of its own, and start has waited for it
	}
	return got, r, address, string(log) + r.Stderr
}

// startLimit is the time limit of start, which is reached where start hangs.
const startLimit = 20 * time.Second

func (s installed) run(t testing.TB, dir string, payload []byte, args []string) wine.Result {
	t.Helper()
	return s.runFor(t, limit, dir, payload, args)
}

func (s installed) runFor(t testing.TB, limit time.Duration, dir string, payload []byte, args []string) wine.Result {
	t.Helper()
	ran.Add(1)
	r, err := s.host.Run(context.Background(), wine.Command{Program: s.file, Args: args, Dir: dir, Stdin: payload,
		Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// silent counts the runs of this process that ended without any output, and ran
// counts all runs. Under Wine about one run of lcow-v2 in a thousand ends like
// that, with any payload.
var silent, ran atomic.Int64

// A process attributes to Wine up to maxSilent silent runs in any case, and beyond
// that up to one in minRunsPerSilent.
const maxSilent, minRunsPerSilent = 10, 200

// lost reports whether a run is to be repeated once because it ended without any
// output. If the shim is the cause, it happens again.
func (s installed) lost(t testing.TB, r wine.Result, output string) bool {
	t.Helper()
	if output != "" || r.TimedOut || runtime.GOOS == "windows" {
		return false
	}
	if n := silent.Add(1); n > maxSilent && n*minRunsPerSilent > ran.Load() {
		t.Fatalf("%d of %d runs ended without any output, more than can be attributed to Wine", n, ran.Load())
	}
	say("%s: a run of %s ended without any output, exit code %d after %.2f s, and is repeated", t.Name(), s.Name,
		r.Exit, r.Seconds)
	return true
}
