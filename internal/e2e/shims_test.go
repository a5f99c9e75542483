package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shimfuzz/internal/e2e/wine"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
)

func TestMain(m *testing.M) {
	if os.Getenv(settings.Shims) == "" {
		say(notRun)
	}
	os.Exit(verify.Main(m.Run))
}

const notRun = "NOT RUN: the real shims, which make e2e builds and runs"

// limit is how long one run may take: a thousand times the usual, on a machine
// that has other things to do.
const limit = 60 * time.Second

// installed is a built shim and where it runs.
type installed struct {
	Program
	host *wine.Host
	file string
}

// shims are what make e2e has built: runhcs-v1 first, and lcow-v2 if this
// hcsshim has it. Without make e2e the test did not run, and says so.
func shims(t *testing.T) []installed {
	t.Helper()
	dir := os.Getenv(settings.Shims)
	if dir == "" {
		t.Skip(notRun)
	}
	host, err := wine.Open(os.Getenv(settings.Wine))
	if err != nil {
		t.Fatal(err)
	}
	have := []installed{{RunhcsV1, host, filepath.Join(dir, RunhcsV1.Name+".exe")}}
	if _, err := os.Stat(have[0].file); err != nil {
		t.Fatal(err)
	}
	if lcow := filepath.Join(dir, LcowV2.Name+".exe"); exists(lcow) {
		have = append(have, installed{LcowV2, host, lcow})
	}
	return have
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// isLcow reports whether s is lcow-v2.
func (s installed) isLcow() bool { return s.Name == LcowV2.Name }

// runs numbers the runs of this process: pipes are named for the container, and
// two runs at a time must not have one between them.
var runs atomic.Int64

func containerID() string { return fmt.Sprintf("e2e-%d-%d", os.Getpid(), runs.Add(1)) }

// serve gives a payload to the shim's serve.
func (s installed) serve(t testing.TB, payload []byte) (Verdict, wine.Result) {
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
	if !s.isLcow() {
		args = append(globals(containerID()), "serve", "--socket", "bad")
	}
	return s.run(t, t.TempDir(), payload, args)
}

func globals(id string) []string {
	return []string{"--namespace", namespace, "--address", "a", "--publish-binary", "b", "--id", id}
}

const namespace = "shimfuzz"

// start gives a payload to runhcs-v1's start, in a bundle, and reads the verdict
// of the serve that it starts.
func (s installed) start(t testing.TB, payload []byte) (v Verdict, r wine.Result, address string) {
	t.Helper()
	v, r, address, said := s.startOnce(t, payload)
	if v.Kind == Odd && s.lost(t, r, said) {
		v, r, address, _ = s.startOnce(t, payload)
	}
	return v, r, address
}

func (s installed) startOnce(t testing.TB, payload []byte) (v Verdict, r wine.Result, address, said string) {
	t.Helper()
	bundle, id := t.TempDir(), containerID()
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	r = s.run(t, bundle, payload, append(globals(id), "start"))
	log, err := os.ReadFile(filepath.Join(bundle, "panic.log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	address = `\\.\pipe\ProtectedPrefix\Administrators\containerd-shim-` + namespace + "-" + id + "-pipe"
	return s.ReadStart(r, string(log)), r, address, string(log) + r.Stderr
}

func (s installed) run(t testing.TB, dir string, payload []byte, args []string) wine.Result {
	t.Helper()
	ran.Add(1)
	r, err := s.host.Run(context.Background(), wine.Command{Program: s.file, Args: args, Dir: dir, Stdin: payload, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// silent counts the runs that ended without a word, and all the runs. Under
// Wine that happens to one of lcow-v2's in a thousand, whatever the payload.
var silent, ran atomic.Int64

// maxSilent is how many of those a process takes for Wine's in any case, and
// one in silentShare runs beyond that.
const maxSilent, silentShare = 10, 200

// lost reports whether a run is to be repeated, once, because it ended without a
// word: what the shim is to blame for happens again.
func (s installed) lost(t testing.TB, r wine.Result, said string) bool {
	t.Helper()
	if said != "" || r.Late || runtime.GOOS == "windows" {
		return false
	}
	if n := silent.Add(1); n > maxSilent && n*silentShare > ran.Load() {
		t.Fatalf("%d of %d runs ended without a word, more than Wine is to blame for", n, ran.Load())
	}
	say("%s: a run of %s ended without a word, exit code %d after %.2f s, and is repeated", t.Name(), s.Name, r.Exit, r.Seconds)
	return true
}

// progress tells the make program how far a test is.
type progress struct {
	what  string
	total int
	mu    sync.Mutex
	done  int
	last  time.Time
}

func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if time.Since(p.last) > 10*time.Second {
		p.last = time.Now()
		say("%s: %d of %d", p.what, p.done, p.total)
	}
}

// say shows lines to who runs make e2e, also if the test passes.
func say(format string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		fmt.Println(settings.Say + line)
	}
}

// difference is a shim that did not do what it should.
type difference struct {
	shim      installed
	command   string
	finding   *findings.Caller // nil if none is known
	decoder   string
	want, got string
	payload   []byte
	story     string
	advice    string
}

// firstLines keeps a report to what make e2e shows of one.
func firstLines(text string) string {
	const most = 30
	lines := strings.SplitAfterN(text, "\n", most+1)
	if len(lines) <= most {
		return text
	}
	return strings.Join(lines[:most], "") + "              …\n"
}

// fail reports it.
func (d difference) fail(t testing.TB) {
	t.Helper()
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, strings.ReplaceAll(strings.TrimRight(value, "\n"), "\n", "\n           "))
		}
	}
	b.WriteString("\n")
	if d.finding != nil {
		row("finding", d.finding.Name+": "+d.finding.Happens)
		row("guarantee", d.finding.Breaks.String())
	}
	row("program", fmt.Sprintf("%s %s of hcsshim %s", d.shim.Name, d.command, hcsshim.Name()))
	row("decoder", d.decoder)
	row("want", d.want)
	row("got", d.got)
	row("to do", d.advice)
	row("payload", fmt.Sprintf("%s; %d bytes, read as %s:", d.story, len(d.payload), stdin.FamilyName(d.payload)))
	if len(d.payload) < 1<<16 {
		b.WriteString(firstLines(stdin.Dump(d.payload)))
		row("hex", fmt.Sprintf("%x", d.payload[:min(len(d.payload), 512)]))
	}
	file, err := verify.Save(t.Name(), d.payload)
	if err != nil {
		row("replay", fmt.Sprintf("the payload could not be saved: %v", err))
	} else {
		row("replay", "make e2e "+settings.CaseArguments(file)+"   what the real shims do\n"+settings.ReproCommand(file)+"   what it is, what readOptions answers")
	}
	t.Error(b.String())
}
