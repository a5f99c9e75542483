//go:build !windows

package wine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// ownGroup gives a program a process group: what it starts is in that, too, also
// under Wine, and can be ended with it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

func groupLives(cmd *exec.Cmd) bool { return syscall.Kill(-cmd.Process.Pid, 0) == nil }

func peak(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok || runtime.GOOS != "linux" { // the unit differs
		return 0
	}
	return usage.Maxrss << 10
}

func share(lock *os.File) error { return syscall.Flock(int(lock.Fd()), syscall.LOCK_SH) }

func tryOwn(lock *os.File) error {
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// own waits until no other process has the lock.
func own(ctx context.Context, lock *os.File) error {
	for ctx.Err() == nil {
		if err := tryOwn(lock); !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return ctx.Err()
}

// Lock keeps a second process out of what the first works in, until release or
// its end.
func Lock(name string) (release func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := tryOwn(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return func() { file.Close() }, nil
}
