package ossfuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"shimfuzz/internal/gocmd"
)

var (
	address = regexp.MustCompile(`^https://[\w-]+(\.[\w-]+)+/[\w./~-]+$`)
	mailbox = regexp.MustCompile(`^[\w.+-]+@[\w-]+(\.[\w-]+)+$`)
)

// WriteSubmission writes the folder that OSS-Fuzz is sent below build/submission, which has
// the layout of its repository: oss-fuzz/ with the address that the suite is cloned from,
// and the one of who gets the reports.
func WriteSubmission(root, repo, contact string) (dir string, err error) {
	if !address.MatchString(repo) {
		return "", fmt.Errorf("REPO=%s: want the https:// address that this suite can be cloned from", repo)
	}
	if !mailbox.MatchString(contact) {
		return "", fmt.Errorf("CONTACT=%s: want the mail address that gets the reports", contact)
	}
	dir = filepath.Join(root, "build", "submission", "projects", "hcsshim")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o777)); err != nil {
		return "", err
	}
	for _, f := range []struct{ name, open, value string }{{"Dockerfile", "REPO", repo},
		{"project.yaml", "CONTACT", contact}} {
		text, err := os.ReadFile(filepath.Join(root, "oss-fuzz", f.name))
		if err != nil {
			return "", err
		}
		if bytes.Count(text, []byte(f.open)) != 1 {
			return "", fmt.Errorf("oss-fuzz/%s does not have the word %s once", f.name, f.open)
		}
		text = bytes.Replace(text, []byte(f.open), []byte(f.value), 1)
		if err := os.WriteFile(filepath.Join(dir, f.name), text, 0o666); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// Reach asks the repository for its newest commit.
func Reach(ctx context.Context, repo string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := gocmd.Command(ctx, os.TempDir(), "git", "ls-remote", "--exit-code", repo, "HEAD")
	cmd.Env = append(cmd.Env, "GIT_TERMINAL_PROMPT=0")
	_, err := gocmd.Output(cmd)
	return err
}
