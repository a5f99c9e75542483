// Package extract takes readOptions out of any hcsshim, with what it reaches
// and what its binary links, and puts it under test.
package extract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

const (
	hcsshimModule  = "github.com/Microsoft/hcsshim"
	shimPackage    = hcsshimModule + "/cmd/containerd-shim-runhcs-v1"
	optionsPackage = shimPackage + "/options"
)

// Source is the text of one hcsshim: a released version in the module cache,
// or somebody's checkout.
type Source struct {
	Name    string // what the user asked for: "v0.14.1", "../hcsshim"
	Version string // the released version, "" for a checkout
	Dir     string // absolute path of the module's root
}

// Locate finds the hcsshim that spec names: a version ("v0.14.1"), the path of
// a checkout, or, when spec is empty, what the go.mod below root requires.
func Locate(root, spec string) (*Source, error) {
	if spec == "" {
		version, err := requiredVersion(root)
		if err != nil {
			return nil, err
		}
		spec = version
	}
	if semver.IsValid(spec) {
		return locateVersion(spec)
	}
	return locateCheckout(spec)
}

func requiredVersion(root string) (string, error) {
	name := filepath.Join(root, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	mod, err := modfile.ParseLax(name, text, nil)
	if err != nil {
		return "", err
	}
	for _, r := range mod.Require {
		if r.Mod.Path == hcsshimModule {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", name, hcsshimModule)
}

func locateVersion(version string) (*Source, error) {
	out, err := goCommand(os.TempDir(), nil, "mod", "download", "-json", hcsshimModule+"@"+version)
	var module struct{ Dir, Version, Error string }
	if json.Unmarshal(out, &module) == nil && module.Dir != "" {
		return &Source{Name: version, Version: module.Version, Dir: module.Dir}, nil
	}
	why := module.Error
	if why == "" && err != nil {
		why = err.Error()
	}
	return nil, fmt.Errorf("HCSSHIM=%s: no such version of hcsshim, or it cannot be had: %s", version, oneLine(why))
}

func locateCheckout(path string) (*Source, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("HCSSHIM=%s: neither a version (v0.15.0) nor a checkout of hcsshim: %w", path, err)
	}
	if got := modfile.ModulePath(text); got != hcsshimModule {
		return nil, fmt.Errorf("HCSSHIM=%s: not a checkout of hcsshim: its go.mod says module %q", path, got)
	}
	return &Source{Name: path, Dir: dir}, nil
}

// hash writes what of a checkout can change the extraction: the shim's files,
// the message types, and the modules.
func (s *Source) hash(h io.Writer) error {
	shim := filepath.Join(s.Dir, "cmd", "containerd-shim-runhcs-v1") + string(filepath.Separator)
	return filepath.WalkDir(s.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		base := filepath.Base(name)
		isGo := strings.HasSuffix(name, ".go") && strings.HasPrefix(name, shim)
		if !isGo && !strings.HasSuffix(name, ".pb.go") && base != "go.mod" && base != "go.sum" {
			return nil
		}
		text, err := readFile(name)
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
		return err
	})
}

// Key is a name for files that belong to this source alone.
func (s *Source) Key() string {
	if s.Version != "" {
		return s.Version
	}
	return "checkout-" + strings.Trim(notInKey.ReplaceAllString(s.Dir, "-"), "-")
}

var notInKey = regexp.MustCompile(`[^A-Za-z0-9._]+`)

// licence returns hcsshim's licence text, which every extracted file repeats.
func (s *Source) licence() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.Dir, "LICENSE"))
	if err != nil {
		return "", fmt.Errorf("hcsshim's licence, which the extracted code must keep: %w", err)
	}
	return string(text), nil
}

// goCommand runs the go command in dir and returns its standard output. Its
// error carries what the command wrote to standard error.
func goCommand(dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	// go generate exports GOOS and GOARCH, and a user's GOFLAGS may name a
	// -modfile: neither is meant for hcsshim's own module.
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = io.MultiWriter(&stderr, &downloads{})
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	if text := strings.TrimSpace(stderr.String()); text != "" {
		return out, errors.New(text)
	}
	return out, fmt.Errorf("go %s: %w", args[0], err)
}

// downloads shows the go command's progress lines, and nothing else of it.
type downloads struct{ rest []byte }

func (d *downloads) Write(p []byte) (int, error) {
	d.rest = append(d.rest, p...)
	for {
		line, rest, found := bytes.Cut(d.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		d.rest = rest
		if bytes.HasPrefix(line, []byte("go: downloading ")) {
			fmt.Fprintf(os.Stderr, "%s\n", line)
		}
	}
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
