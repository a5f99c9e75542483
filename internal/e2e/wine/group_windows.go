package wine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func ownGroup(*exec.Cmd) {}

// endGroup ends the program with all it has started, and the one that a shim's
// start has left, whose ID it writes into its bundle.
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

func leftBy(cmd *exec.Cmd) string {
	text, err := os.ReadFile(filepath.Join(cmd.Dir, "shim.pid"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func peak(*os.ProcessState) int64 { return 0 }

// There is no prefix to share.
func share(*os.File) error { return nil }

func tryOwn(*os.File) error { return nil }

func own(context.Context, *os.File) error { return nil }

// Lock keeps nobody out: on Windows two runs share nothing but the programs.
func Lock(string) (release func(), err error) { return func() {}, nil }
