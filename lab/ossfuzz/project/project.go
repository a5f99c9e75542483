// Package project writes the folder that OSS-Fuzz is sent, and holds it to what
// OSS-Fuzz asks of one.
package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"shimfuzz/internal/gocmd"
)

// image is what OSS-Fuzz builds projects of Go in, without its tag.
const image = "gcr.io/oss-fuzz-base/base-builder-go"

var (
	address = regexp.MustCompile(`^https://[\w-]+(\.[\w-]+)+/[\w./~-]+$`)
	mailbox = regexp.MustCompile(`^[\w.+-]+@[\w-]+(\.[\w-]+)+$`)
)

// Write writes the folder below build/submission, which has the layout of
// OSS-Fuzz's repository: oss-fuzz/ with the address that the suite is cloned from,
// and the one of who gets the reports.
func Write(root, repo, contact string) (dir string, err error) {
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
		if err := os.WriteFile(filepath.Join(dir, f.name), bytes.Replace(text, []byte(f.open), []byte(f.value), 1),
			0o666); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// Check makes those of OSS-Fuzz's checks of a change that concern such a folder
// (infra/presubmit.py and infra/ci/check_base_os.py in its repository), and holds
// the folder to what its builder does. It finds everything that is wrong.
func Check(dir string) error {
	d, err := readDescription(filepath.Join(dir, "project.yaml"))
	if err != nil {
		return err
	}
	dockerfile, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		return err
	}
	var errs []error
	if name := filepath.Base(dir); !regexp.MustCompile(`^[a-z0-9_-]+$`).MatchString(name) ||
		strings.Contains(name, "google") {
		errs = append(errs, fmt.Errorf("%s is not a name that a project can have", name))
	}
	if !mailbox.MatchString(d.PrimaryContact) {
		errs = append(errs, fmt.Errorf("project.yaml: primary_contact %q is no mail address", d.PrimaryContact))
	}
	if !strings.HasSuffix(d.MainRepo, "/microsoft/hcsshim") || d.Homepage == "" {
		errs = append(errs, fmt.Errorf("project.yaml: main_repo %q, homepage %q", d.MainRepo, d.Homepage))
	}
	if d.BaseOSVersion != "ubuntu-24-04" {
		errs = append(errs, fmt.Errorf("project.yaml: base_os_version %q is none that a tagged image is of",
			d.BaseOSVersion))
	}
	errs = append(errs, d.check(), checkDockerfile(string(dockerfile), d.BaseOSVersion),
		checkLicence("Dockerfile", string(dockerfile)))
	clone := regexp.MustCompile(`(?m)^RUN git clone --depth 1 (\S+) \$SRC/shimfuzz$`).FindSubmatch(dockerfile)
	if clone == nil || !address.Match(clone[1]) {
		errs = append(errs, errors.New("the Dockerfile clones the suite from no https:// address"))
	}
	return errors.Join(errs...)
}

// description is what this project has in its project.yaml. OSS-Fuzz knows more sections.
type description struct {
	Homepage       string
	MainRepo       string `yaml:"main_repo"`
	PrimaryContact string `yaml:"primary_contact"`
	Language       string
	BaseOSVersion  string   `yaml:"base_os_version"`
	FuzzingEngines []string `yaml:"fuzzing_engines"`
	Sanitizers     []string
}

func readDescription(file string) (d description, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return d, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&d); err != nil {
		return d, fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return d, nil
}

func (d description) check() error {
	if d.Language != "go" || !slices.Equal(d.FuzzingEngines, []string{"libfuzzer"}) ||
		!slices.Equal(d.Sanitizers, []string{"address"}) {
		return fmt.Errorf("project.yaml: language %q, fuzzing_engines %q, sanitizers %q; want go, libfuzzer and "+
			"address alone",
			d.Language, d.FuzzingEngines, d.Sanitizers)
	}
	return nil
}

// checkDockerfile holds a Dockerfile to an image with a tag, and to what is built
// without build arguments, of which OSS-Fuzz passes none.
func checkDockerfile(text, tag string) error {
	var errs []error
	if from := regexp.MustCompile(`(?m)^FROM .*$`).FindString(text); from != "FROM "+image+":"+tag {
		errs = append(errs, fmt.Errorf("the Dockerfile has %q, want FROM %s:%s", from, image, tag))
	}
	for _, arg := range regexp.MustCompile(`(?mi)^\s*ARG\s+[^=\n]*$`).FindAllString(text, -1) {
		errs = append(errs, fmt.Errorf("the Dockerfile's %q has no default", strings.TrimSpace(arg)))
	}
	for _, part := range []string{" https://github.com/microsoft/hcsshim $SRC/hcsshim\n", "build.sh $SRC/\n"} {
		if !strings.Contains(text, part) {
			errs = append(errs, fmt.Errorf("the Dockerfile has no %q", part))
		}
	}
	return errors.Join(errs...)
}

func checkLicence(name, text string) error {
	if !strings.Contains(text, "http://www.apache.org/licenses/LICENSE-2.0") {
		return fmt.Errorf("%s does not name the Apache License", name)
	}
	return nil
}

// Syntax lets bash read the scripts that the two images run.
func Syntax(ctx context.Context, root string) error {
	for _, script := range []string{"oss-fuzz/build.sh", ".clusterfuzzlite/build.sh"} {
		if _, err := gocmd.Output(gocmd.Command(ctx, root, "bash", "-n", script)); err != nil {
			return fmt.Errorf("%s: %w", script, err)
		}
	}
	return nil
}

// Reach asks the repository for its newest commit.
func Reach(ctx context.Context, repo string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := gocmd.Command(ctx, os.TempDir(), "git", "ls-remote", "--exit-code", repo, "HEAD")
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	_, err := gocmd.Output(cmd)
	return err
}
