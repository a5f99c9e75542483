// Package wine runs programs that are built for Windows: directly on Windows,
// and under Wine elsewhere. Wine gets a prefix of its own, and no process is left
// running.
package wine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"shimfuzz/internal/gocmd"
)

// ErrMissing is the error that a tool is not installed.
var ErrMissing = errors.New("this needs Wine and mingw-w64: run make -C lab tools as root, on Debian")

// Host is the system on which the programs run: Windows itself, or Wine.
type Host struct {
	wine, server string // paths of Wine's programs
	prefix       string // folder of the whole Windows that Wine provides
	files        string // folder of what goes into it
	lock         *flock.Flock
}

// native reports whether the programs run without Wine.
const native = runtime.GOOS == "windows"

// Open finds Wine, whose prefix is below the suite's root. The error is ErrMissing if
// Wine is not installed.
func Open(root string) (*Host, error) {
	prefix := filepath.Join(root, "build", "wine")
	h := &Host{prefix: prefix, files: filepath.Join(root, "lab", "windows", "wine", "prefix"),
		lock: flock.New(prefix + ".lock")}
	find := func(name string) string { path, _ := exec.LookPath(name); return path }
	// Debian installs the programs of its package wine64 outside of PATH.
	h.wine = cmp.Or(find("wine64"), find("/usr/lib/wine/wine64"), find("wine"))
	h.server = cmp.Or(find("wineserver"), find("/usr/lib/wine/wineserver64"), find("/usr/lib/wine/wineserver"))
	if !native && (h.wine == "" || h.server == "") {
		return nil, ErrMissing
	}
	return h, nil
}

// Start finds Wine, and runs it until Stop. It waits while another process does. The
// first time it creates the prefix.
func Start(ctx context.Context, root string) (*Host, error) {
	h, err := Open(root)
	if err != nil {
		return nil, err
	}
	if locked, _ := h.lock.TryLock(); !locked {
		fmt.Println("  waiting for another process that runs Windows programs")
	}
	if _, err := h.lock.TryLockContext(ctx, time.Second); err != nil {
		return nil, err
	}
	if native {
		return h, nil
	}
	h.end() // what an ended process has left
	if err := h.prepare(ctx); err != nil {
		h.Stop()
		return nil, err
	}
	return h, nil
}

// prepare starts Wine's server, and makes of the prefix what it must be. Without a server
// every program would start one of its own, which would end with it.
func (h *Host) prepare(ctx context.Context) error {
	server := []string{h.server, "--persistent"}
	// Windows says that it is Windows Server 2025, the oldest on which lcow-v2 runs (main.go):
	// Wine takes it from the registry (dlls/ntdll/version.c). That has no time zones: every
	// process would look for its own among them, with half of all the requests that it sends
	// to Wine's server.
	registry := []string{h.wine, "regedit", "/S", filepath.Join(h.files, "shimfuzz.reg")}
	lines := [][]string{server, registry}
	// Go programs get random numbers from this library, which Wine has since version 9. It is
	// made last: a prefix without it was never complete.
	library := filepath.Join(h.prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll")
	if _, err := os.Stat(library); err != nil {
		fmt.Println("  creating a Windows for Wine, which takes some seconds")
		if err := errors.Join(os.RemoveAll(h.prefix), os.MkdirAll(h.prefix, 0o777)); err != nil {
			return err
		}
		lines = [][]string{server, {h.wine, "wineboot", "--init"}, registry, {"x86_64-w64-mingw32-gcc", "-shared",
			"-O2", "-s", "-o", library, filepath.Join(h.files, "bcryptprimitives.c"), "-ladvapi32"}}
	}
	for _, line := range lines {
		if err := h.check(ctx, line...); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends Wine and all programs that it runs.
func (h *Host) Stop() {
	if !native {
		h.end()
	}
	_ = h.lock.Close() // nothing was written to the file
}

// end ends Wine's server and all programs in the prefix, if any are running.
func (h *Host) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_ = h.command(ctx, h.server, "-k").Run() // it fails if no server is running
}

// command is a command in the prefix. An interrupt at the terminal does not reach
// it: the server must not end before Stop.
func (h *Host) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	users := func(v string) bool { return strings.HasPrefix(v, "WINE") } // settings of Wine
	cmd.Env = append(slices.DeleteFunc(os.Environ(), users), h.settings()...)
	ownGroup(cmd)
	return cmd
}

// check runs a program of Wine's. It fails if no program runs.
func (h *Host) check(ctx context.Context, line ...string) error {
	cmd := h.command(ctx, line[0], line[1:]...)
	cmd.WaitDelay = time.Second // it may leave a process running that keeps its output open
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.Is(err, exec.ErrNotFound):
		return ErrMissing
	}
	return fmt.Errorf("%s does not work in %s, which needs 700 MiB and is made anew once it is removed: %w: %.200s",
		strings.Join(line, " "), h.prefix, err, gocmd.OneLine(string(out)))
}

// settings are Wine's: they turn off its own messages, the offers to download Mono
// and Gecko, and the entries in the user's menus.
func (h *Host) settings() []string {
	return []string{"WINEPREFIX=" + h.prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=",
		"WINESERVER=" + h.server}
}

// Tests returns the variables with which "go test" builds tests for Windows and runs them on
// the host: none on Windows.
func (h *Host) Tests() []string {
	if native {
		return nil
	}
	return append(h.settings(), "GOFLAGS=-exec="+h.wine, "GOOS=windows", "GOARCH=amd64")
}

// Command is one run of a program.
type Command struct {
	Program string // path of the executable file
	Args    []string
	Dir     string // working directory, in which the output of the program is kept, too
	Stdin   []byte
	Limit   time.Duration // after which the program and the processes that it started are ended
}

// Result is what can be observed of a run from outside.
type Result struct {
	Stdout, Stderr string
	Exit           int  // exit code, -1 if a signal ended the program
	TimedOut       bool // the time limit was reached
	LeftRunning    bool // the program has ended, and has left another process running
}

// Run runs a program until it ends or its time limit is reached, and then ends
// all processes that it has left running. A program that fails, or reaches the
// limit, is no error: the errors are those of starting it, of ctx and of reading
// its output.
func (h *Host) Run(ctx context.Context, c Command) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	line := append([]string{h.wine, c.Program}, c.Args...)
	if native {
		line = line[1:]
	}
	cmd := h.command(ctx, line[0], line[1:]...)
	cmd.Dir = c.Dir
	cmd.Stdin = bytes.NewReader(c.Stdin)
	// Files, because a pipe stays open as long as a process that was left running has it.
	out, err1 := os.Create(filepath.Join(c.Dir, "stdout.txt"))
	errs, err2 := os.Create(filepath.Join(c.Dir, "stderr.txt"))
	defer out.Close()
	defer errs.Close()
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.Cancel = func() error { return endGroup(cmd) }
	cmd.WaitDelay = time.Second // for a program that does not read its stdin
	err := errors.Join(err1, err2)
	if err == nil {
		err = cmd.Run()
	}
	if cmd.ProcessState == nil {
		return Result{}, fmt.Errorf("running %s: %w", c.Program, err)
	}
	r := Result{Exit: cmd.ProcessState.ExitCode(), TimedOut: errors.Is(ctx.Err(), context.DeadlineExceeded)}
	r.LeftRunning = !r.TimedOut && groupLives(cmd)
	_ = endGroup(cmd) // all of them may have ended
	if errors.Is(ctx.Err(), context.Canceled) {
		return r, ctx.Err()
	}
	outText, err1 := os.ReadFile(out.Name())
	errText, err2 := os.ReadFile(errs.Name())
	r.Stdout, r.Stderr = string(outText), string(errText)
	return r, errors.Join(err1, err2)
}
