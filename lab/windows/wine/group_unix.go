//go:build !windows

package wine

import (
	"os/exec"
	"syscall"
)

// ownGroup runs a program in a process group of its own. The processes that it
// starts, under Wine too, are in the same group and can be ended with it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

func groupLives(cmd *exec.Cmd) bool { return syscall.Kill(-cmd.Process.Pid, 0) == nil }
