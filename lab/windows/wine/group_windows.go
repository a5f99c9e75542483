package wine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func ownGroup(*exec.Cmd) {}

// endGroup ends the program, and the process that a shim's start has left running.
func endGroup(cmd *exec.Cmd) error {
	if left := leftBy(cmd); left != nil {
		_ = left.Kill() // it may have ended
	}
	return cmd.Process.Kill()
}

func groupLives(cmd *exec.Cmd) bool { return leftBy(cmd) != nil }

// leftBy is the process whose ID a shim's start has written into its bundle, nil if there
// is none.
func leftBy(cmd *exec.Cmd) *os.Process {
	text, _ := os.ReadFile(filepath.Join(cmd.Dir, "shim.pid")) // there may be none
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return nil
	}
	left, _ := os.FindProcess(pid) // on Windows it fails if there is no such process
	return left
}
