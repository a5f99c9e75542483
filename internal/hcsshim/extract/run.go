package extract

import (
	"context"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/settings"
)

// Command prepares a program that runs in the suite's root with the settings, and with
// the build's workspace for go commands.
func (b *Build) Command(ctx context.Context, s settings.Test, name string, args ...string) *exec.Cmd {
	cmd := gocmd.Command(ctx, b.Root, name, args...)
	cmd.Env = append(cmd.Env, "GOWORK="+b.Work, s.Environ())
	return cmd
}

// Go prepares the go command on the hcsshim under test.
func (b *Build) Go(ctx context.Context, s settings.Test, command string, args ...string) *exec.Cmd {
	return b.Command(ctx, s, "go", append([]string{command}, args...)...)
}

// Program builds a program of the tree and prepares it to be run with the settings.
func (b *Build) Program(ctx context.Context, s settings.Test, pkg string, args ...string) (*exec.Cmd, error) {
	// The go command names the program, because on Windows only one in .exe is found.
	if err := gocmd.Show(b.Go(ctx, s, "build", "-buildvcs=false", "-o", b.Dir+string(filepath.Separator),
		pkg)); err != nil {
		return nil, err
	}
	return b.Command(ctx, s, filepath.Join(b.Dir, path.Base(pkg)), args...), nil
}

// Versions are the decoding modules that the build links, one a line.
func (b *Build) Versions(ctx context.Context) (string, error) {
	const format = "{{.Path}} {{if .Replace}}{{or .Replace.Version .Version}}{{else}}{{.Version}}{{end}}"
	out, err := gocmd.Output(b.Go(ctx, settings.Test{}, "list", "-m", "-f", format,
		"google.golang.org/protobuf", "github.com/containerd/typeurl/v2", apiModule))
	return strings.TrimSpace(string(out)), err
}
