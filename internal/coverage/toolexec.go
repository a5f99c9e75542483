package coverage

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"shimfuzz/internal/hcsshim/extract"
)

// The go command of Go 1.26 hands the cover tool the path of a file in the tree
// even where an overlay replaces that file, so it would measure the wrong text.
// As -toolexec this program passes the path of the replacement instead.

// Flags are the flags of "go test" for a profile of the code under test.
func Flags(b *extract.Build, profile string) []string {
	flags := []string{"-coverpkg=" + strings.Join(packages, ","), "-coverprofile=" + profile}
	if len(b.Flags) == 0 {
		return flags
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return append(flags, fmt.Sprintf("-toolexec='%s' toolexec '%s'", self, b.Overlay()))
}

// Toolexec runs a tool of the Go toolchain: args are the overlay's file, the
// tool, and the tool's arguments.
func Toolexec(args []string) error {
	overlay, tool, args := args[0], args[1], args[2:]
	if strings.TrimSuffix(filepath.Base(tool), ".exe") == "cover" {
		text, err := os.ReadFile(overlay)
		if err != nil {
			return err
		}
		var files struct{ Replace map[string]string }
		if err := json.Unmarshal(text, &files); err != nil {
			return fmt.Errorf("%s: %w", overlay, err)
		}
		for i, arg := range args {
			if actual := files.Replace[arg]; actual != "" {
				args[i] = actual
			}
		}
	}
	cmd := exec.Command(tool, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}
