package wine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func ownGroup(*exec.Cmd) {}

// endGroup ends the program with all processes that it has started, and the
// process that a shim's start has left running.
func endGroup(cmd *exec.Cmd) error {
	if pid := leftBy(cmd); pid != "" {
		_ = exec.Command("taskkill", "/F", "/T", "/PID", pid).Run() // it may have ended
	}
	return exec.Command("taskkill", "/F", "/T", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
}

func groupLives(cmd *exec.Cmd) bool {
	pid := leftBy(cmd)
	if pid == "" {
		return false
	}
	out, err := exec.Command("tasklist", "/NH", "/FI", "PID eq "+pid).Output()
	return err == nil && strings.Contains(string(out), " "+pid+" ")
}

// leftBy is the process ID that a shim's start writes into its bundle, "" if it
// has not written any.
func leftBy(cmd *exec.Cmd) string {
	text, err := os.ReadFile(filepath.Join(cmd.Dir, "shim.pid"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// peakMemory is not known on Windows.
func peakMemory(*os.ProcessState) int64 { return 0 }
