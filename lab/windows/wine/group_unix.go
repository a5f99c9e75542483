//go:build !windows

package wine

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// ownGroup runs a program in a process group of its own. The processes that it
// starts, under Wine too, are in the same group and can be ended with it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

func groupLives(cmd *exec.Cmd) bool { return syscall.Kill(-cmd.Process.Pid, 0) == nil }

// peakMemory is in bytes, 0 if it is not known.
func peakMemory(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok || runtime.GOOS != "linux" { // other systems use other units
		return 0
	}
	return usage.Maxrss << 10
}
