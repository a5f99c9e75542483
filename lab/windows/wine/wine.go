// Package wine runs programs that are built for Windows: directly on Windows,
// and under Wine elsewhere. Wine gets a prefix of its own, and no process is left
// running.
package wine

import (
	"context"
	_ "embed"
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

// Missing is the error that a tool is not installed.
type Missing struct{ Tool string }

func (m Missing) Error() string {
	return m.Tool +
		` is not installed: run "make -C lab e2e-tools" as root (it takes Wine and mingw-w64 from Debian's packages)`
}

// Host is the system on which the programs run. Its zero value is Windows itself.
type Host struct {
	wine, server string // paths of Wine's programs
	prefix       string
	lock         *flock.Flock // shared by the processes that use the prefix, exclusive for the one that creates it
}

// native reports whether the programs run without Wine.
const native = runtime.GOOS == "windows"

// Debian installs the programs of its package wine64 outside of PATH.
var (
	wineNames   = []string{"wine64", "/usr/lib/wine/wine64", "wine"}
	serverNames = []string{"wineserver", "/usr/lib/wine/wineserver64", "/usr/lib/wine/wineserver"}
)

const compilerName = "x86_64-w64-mingw32-gcc"

// Open finds Wine. The prefix, which is the folder of the whole Windows that Wine
// provides, will be dir; it is created by Start. The error is Missing if Wine is
// not installed.
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

// Installed reports whether all tools that Start may need are installed.
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

// Start creates the prefix, unless a working one exists, and starts Wine's
// server, which runs until Stop. Several processes may use a prefix at the same
// time; a process waits while another creates it.
func (h *Host) Start(ctx context.Context) error {
	if native {
		return nil
	}
	h.lock = flock.New(h.prefix + ".lock")
	alone, err := h.lock.TryLock()
	if alone && !(h.complete() && h.serve(ctx) == nil && h.setRegistry(ctx) == nil) {
		err = h.create(ctx)
	}
	if err := errors.Join(err, h.lock.Unlock(), h.lock.RLock()); err != nil {
		return err
	}
	if !h.complete() {
		return fmt.Errorf("another process has failed to create %s", h.prefix)
	}
	return h.serve(ctx) // another process may have ended it in between
}

func (h *Host) create(ctx context.Context) error {
	h.end()
	if err := errors.Join(os.RemoveAll(h.prefix), os.MkdirAll(h.prefix, 0o777)); err != nil {
		return fmt.Errorf("creating Wine's prefix: %w", err)
	}
	if err := h.serve(ctx); err != nil {
		return err
	}
	if err := h.check(ctx, "creating the prefix", h.wine, "wineboot", "--init"); err != nil {
		return err
	}
	return errors.Join(h.addRandom(ctx), h.setRegistry(ctx))
}

// Stop ends Wine's server and all programs in the prefix, unless another process
// still uses the prefix.
func (h *Host) Stop() {
	if native || h.lock == nil {
		return
	}
	if alone, err := h.lock.TryLock(); alone && err == nil {
		h.end()
	}
	_ = h.lock.Close() // nothing was written to the file
}

// end ends Wine's server and all programs in the prefix, if any are running.
func (h *Host) end() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, arg := range []string{"-k", "-w"} { // end the server, wait for its end
		_ = h.command(ctx, h.server, arg).Run() // it fails if no server is running
	}
}

// serve starts Wine's server. Otherwise every program would start a server of its
// own, which would end with it.
func (h *Host) serve(ctx context.Context) error {
	err := h.check(ctx, "starting its server", h.server, "--persistent")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // a server is already running
		return nil
	}
	return err
}

// registry has what Windows says that it is: Windows Server 2025, the oldest on which
// lcow-v2 runs (main.go). Wine takes it from here (dlls/ntdll/version.c). It has no
// time zones: every process would look for its own among them, with half of all
// the requests that it sends to Wine's server.
//
//go:embed prefix/shimfuzz.reg
var registry []byte

// setRegistry changes the registry of Windows. It fails if no program runs.
func (h *Host) setRegistry(ctx context.Context) error {
	name := filepath.Join(h.prefix, "shimfuzz.reg")
	if err := os.WriteFile(name, registry, 0o666); err != nil {
		return fmt.Errorf("changing the registry of Windows: %w", err)
	}
	return h.check(ctx, "changing the registry of Windows", h.wine, "regedit", "/S", name)
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

// check runs a program of Wine's and returns an error that says what Wine was doing. The
// program may leave a process running that keeps its output open. A full disk gets an
// error of its own, because Wine's output does not mention it.
func (h *Host) check(ctx context.Context, doing, program string, args ...string) error {
	cmd := h.command(ctx, program, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	probe := filepath.Join(h.prefix, "probe")
	defer os.Remove(probe)
	if full := os.WriteFile(probe, make([]byte, 1<<20), 0o666); full != nil {
		return fmt.Errorf("no space for Wine's prefix, which needs 700 MiB: %w", full)
	}
	return fmt.Errorf("%s does not work in %s: %s: %w: %.200s", h.wine, h.prefix, doing, err,
		gocmd.OneLine(string(out)))
}

// settings are Wine's: they turn off its own messages, the offers to download Mono
// and Gecko, and the entries in the user's menus.
func (h *Host) settings() []string {
	if native {
		return nil
	}
	return []string{"WINEPREFIX=" + h.prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml,winemenubuilder.exe=",
		"WINESERVER=" + h.server}
}

// Tests returns the flags and the variables with which "go test" builds tests for
// Windows and runs them on the host: none on Windows.
func (h *Host) Tests() (flags, env []string) {
	if native {
		return nil, nil
	}
	return []string{"-exec=" + h.wine}, append(h.settings(), "GOOS=windows", "GOARCH=amd64")
}

// random is the library in the prefix from which Go programs get random numbers. Wine has
// it since version 9.
const random = "drive_c/windows/system32/bcryptprimitives.dll"

// complete reports whether the prefix exists and its creation has finished.
func (h *Host) complete() bool {
	_, err := os.Stat(filepath.Join(h.prefix, random))
	return err == nil
}

//go:embed prefix/bcryptprimitives.c
var randomSource []byte

// addRandom builds that library, unless this Wine has it.
func (h *Host) addRandom(ctx context.Context) error {
	if h.complete() {
		return nil
	}
	compiler, err := exec.LookPath(compilerName)
	if err != nil {
		return Missing{"mingw-w64"}
	}
	// It is moved into place in one step, because complete looks for it.
	made := filepath.Join(h.prefix, "bcryptprimitives.dll")
	err = os.WriteFile(filepath.Join(h.prefix, "bcryptprimitives.c"), randomSource, 0o666)
	if err == nil {
		_, err = gocmd.Output(gocmd.Command(ctx, h.prefix, compiler, "-shared", "-O2", "-s", "-o", made,
			"bcryptprimitives.c", "-ladvapi32"))
	}
	if err != nil {
		return fmt.Errorf("building a random number generator for Wine: %w", err)
	}
	return os.Rename(made, filepath.Join(h.prefix, random))
}
