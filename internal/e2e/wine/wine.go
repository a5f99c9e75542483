// Package wine runs programs built for Windows: as they are on Windows, under
// Wine elsewhere, in a prefix of its own, with nothing left running.
package wine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Missing is a tool that is not installed.
type Missing struct{ Tool string }

func (m Missing) Error() string {
	return m.Tool + ` is not installed: run "make e2e-tools" as root (it takes Wine and mingw-w64 from Debian's packages)`
}

// Host is where the programs run. Its zero value is Windows itself.
type Host struct {
	wine, server string // programs
	prefix       string
	lock         *os.File // shared by the processes that use the prefix, owned by the one that makes it
}

// native reports whether no Wine is needed.
const native = runtime.GOOS == "windows"

// Debian puts the programs of its package wine64 where no PATH looks.
var (
	wineNames   = []string{"wine64", "/usr/lib/wine/wine64", "wine"}
	serverNames = []string{"wineserver", "/usr/lib/wine/wineserver64", "/usr/lib/wine/wineserver"}
)

const compilerName = "x86_64-w64-mingw32-gcc"

// Open finds Wine and says that its prefix, its whole Windows, is in dir.
// Nothing is made or started yet.
func Open(dir string) (*Host, error) {
	if native {
		return &Host{}, nil
	}
	h := &Host{prefix: dir, wine: firstOf(wineNames), server: firstOf(serverNames)}
	if h.wine == "" || h.server == "" {
		return nil, Missing{"Wine"}
	}
	return h, nil
}

// Installed reports whether all that Start may need is there.
func Installed() bool {
	_, err := exec.LookPath(compilerName)
	return native || err == nil && firstOf(wineNames) != "" && firstOf(serverNames) != ""
}

func firstOf(names []string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Start makes the prefix, unless a working one is there, and starts Wine's
// server, which then waits for programs until Stop. Several processes may use a
// prefix at a time; who must make it waits until nobody does.
func (h *Host) Start(ctx context.Context) (err error) {
	if native {
		return nil
	}
	if h.lock, err = os.OpenFile(h.prefix+".lock", os.O_CREATE|os.O_RDWR, 0o666); err != nil {
		return err
	}
	if err := share(h.lock); err != nil {
		return err
	}
	if h.complete() && h.serve(ctx) == nil && h.works(ctx) == nil {
		return nil
	}
	if err := own(ctx, h.lock); err != nil {
		return err
	}
	if err := h.remake(ctx); err != nil {
		return err
	}
	return share(h.lock)
}

func (h *Host) remake(ctx context.Context) error {
	h.end()
	if err := errors.Join(os.RemoveAll(h.prefix), os.MkdirAll(h.prefix, 0o777)); err != nil {
		return fmt.Errorf("a place for Wine's prefix: %w", err)
	}
	if err := h.serve(ctx); err != nil {
		return err
	}
	if err := h.wines(ctx, "making the prefix", "wineboot", "--init"); err != nil {
		return err
	}
	if err := h.addRandom(ctx); err != nil {
		return err
	}
	return h.works(ctx)
}

// Stop ends Wine's server and every program in the prefix, unless another
// process uses it: then that one will.
func (h *Host) Stop() {
	if native || h.lock == nil {
		return
	}
	if tryOwn(h.lock) == nil {
		h.end()
	}
	h.lock.Close()
}

// end does not mind if nothing runs.
func (h *Host) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, arg := range []string{"-k", "-w"} { // end it, wait until it has
		cmd := exec.CommandContext(ctx, h.server, arg)
		cmd.Env = h.environ()
		_ = cmd.Run() // it fails when no server runs
	}
}

// serve starts the server by itself: it would otherwise end with the first
// program, and each run would pay for another.
func (h *Host) serve(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, h.server, "--persistent")
	cmd.Env = h.environ()
	ownGroup(cmd) // an interrupt at the terminal is for Stop to carry out
	err := h.run(ctx, "starting its server", cmd)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // one runs
		return nil
	}
	return err
}

// works runs the smallest program there is.
func (h *Host) works(ctx context.Context) error {
	return h.wines(ctx, "running a program", "cmd", "/c", "exit 0")
}

// wines runs one of Wine's own programs.
func (h *Host) wines(ctx context.Context, doing string, args ...string) error {
	cmd := exec.CommandContext(ctx, h.wine, args...)
	cmd.Env = h.environ()
	ownGroup(cmd)
	return h.run(ctx, doing, cmd)
}

// run runs a program that may leave another one behind, which keeps its output
// open.
func (h *Host) run(ctx context.Context, doing string, cmd *exec.Cmd) error {
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return h.broken(ctx, doing, out, err)
	}
	return nil
}

// broken is the error of a Wine that does not work, with the start of what it
// says. Of a full disk it says nothing that one would understand.
func (h *Host) broken(ctx context.Context, doing string, out []byte, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	probe := filepath.Join(h.prefix, "probe")
	defer os.Remove(probe)
	if full := os.WriteFile(probe, make([]byte, 1<<20), 0o666); full != nil {
		return fmt.Errorf("no place for Wine's prefix, which needs 700 MiB: %w", full)
	}
	text := strings.Join(strings.Fields(string(out)), " ")
	return fmt.Errorf("%s does not work in %s: %s: %w: %.200s", h.wine, h.prefix, doing, err, text)
}

// environ is the environment without a user's own settings of Wine.
func (h *Host) environ() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "WINE") {
			env = append(env, v)
		}
	}
	if native {
		return env
	}
	// No messages of Wine's own, no offers to download Mono and Gecko, and no
	// entries in the user's menus.
	return append(env, "WINEPREFIX="+h.prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=", "WINESERVER="+h.server)
}

// random is the library that Go programs take their random numbers from, and
// that Wine has only since version 9.
func (h *Host) random() string {
	return filepath.Join(h.prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll")
}

// complete reports whether a prefix is there, made to the end.
func (h *Host) complete() bool {
	_, err := os.Stat(h.random())
	return err == nil
}

const randomSource = `#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
	return SystemFunction036(data, (ULONG)size);
}
`

// addRandom makes the library, unless Wine has brought it along.
func (h *Host) addRandom(ctx context.Context) error {
	if h.complete() {
		return nil
	}
	compiler, err := exec.LookPath(compilerName)
	if err != nil {
		return Missing{"mingw-w64"}
	}
	source := filepath.Join(h.prefix, "bcryptprimitives.c")
	if err := os.WriteFile(source, []byte(randomSource), 0o666); err != nil {
		return fmt.Errorf("a random number generator for Wine: %w", err)
	}
	// In place in one step, because it is what tells a complete prefix.
	made := filepath.Join(h.prefix, "bcryptprimitives.dll")
	cmd := exec.CommandContext(ctx, compiler, "-shared", "-O2", "-s", "-o", made, source, "-ladvapi32")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("a random number generator for Wine: %s: %w: %s", compilerName, err, strings.TrimSpace(string(out)))
	}
	return os.Rename(made, h.random())
}
