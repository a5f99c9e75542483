// Package upstream tells what is newer than what the suite pins: releases of hcsshim and of
// the modules that decode for it, the text of readOptions, and how it all behaves.
package upstream

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

// pageFile is what Compare writes, below the root.
const pageFile = "build/upstream.txt"

const hcsshim = "github.com/Microsoft/hcsshim"

var paths = []string{hcsshim, "github.com/containerd/containerd/api", "github.com/containerd/typeurl/v2",
	"google.golang.org/protobuf"}

// release is the newest one of a module, and the one that the pinned build has.
type release struct{ path, pinned, newest string }

func (r release) isNewer() bool { return semver.Compare(r.newest, r.pinned) > 0 }

// Compare builds the suite with the newest release of each module in turn, runs its tests
// on that, and writes a page. It fails if something there needs someone.
func Compare(ctx context.Context, pinned *extract.Build) error {
	all, err := releases(ctx, pinned)
	if err != nil {
		return err
	}
	page := fmt.Sprintf("The newest releases, and those of the pinned build, which tests hcsshim %s\n\n",
		pinned.Source.Name)
	for _, r := range all {
		newest := r.newest
		if !r.isNewer() {
			newest = "newest is pinned"
		}
		page += fmt.Sprintf("  %-38s  %-10s  %s\n", r.path, r.pinned, newest)
	}
	needs := 0
	for _, r := range all {
		if !r.isNewer() {
			continue
		}
		fmt.Printf("  building and testing with %s %s\n", r.path, r.newest)
		differs := r.differs(ctx, pinned)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if differs == "" {
			differs = "nothing differs\n"
		} else {
			needs++
		}
		page += fmt.Sprintf("\n%s %s instead of %s\n%s", r.path, r.newest, r.pinned, differs)
	}
	page += fmt.Sprintf("\n%d releases need someone (CONTRIBUTING.md, Adding)\n", needs)
	if err := os.WriteFile(filepath.Join(pinned.Root, pageFile), []byte(page), 0o666); err != nil {
		return err
	}
	fmt.Printf("\n%s\nthe same page: %s\n", page, pageFile)
	if needs > 0 {
		return gocmd.ErrReported
	}
	return nil
}

// releases asks the module proxy for the newest releases.
func releases(ctx context.Context, pinned *extract.Build) ([]release, error) {
	latest := []string{"list", "-m", "-f", "{{.Version}}"}
	for _, p := range paths {
		latest = append(latest, p+"@latest")
	}
	newest, err := gocmd.Output(gocmd.Command(ctx, os.TempDir(), "go", latest...))
	if err != nil {
		return nil, fmt.Errorf("asking for the newest releases: %s", gocmd.OneLine(err.Error()))
	}
	const version = "{{if .Replace}}{{or .Replace.Version .Version}}{{else}}{{.Version}}{{end}}"
	pins := pinned.Go(ctx, settings.Test{}, "list", append([]string{"-m", "-f", version}, paths...)...)
	has, err := gocmd.Output(pins)
	if err != nil {
		return nil, err
	}
	var all []release
	n, h := strings.Fields(string(newest)), strings.Fields(string(has))
	for i, path := range paths {
		all = append(all, release{path, h[i], n[i]})
	}
	if pinned.Source.Version == "" { // a checkout, with which every release is compared
		all[0].pinned = pinned.Source.Name
	}
	return all, nil
}

// differs says what is other with the release: a finding that went or came, a field that no
// case sets, or any other wrong answer fails a test.
func (r release) differs(ctx context.Context, pinned *extract.Build) string {
	b, err := r.build(pinned)
	if err != nil {
		return "it cannot be built:\n" + err.Error() + "\n"
	}
	text := ""
	if r.path == hcsshim { // both are text that git ignores
		diff, other, err := workspace.Try(gocmd.Command(ctx, b.Root, "git", "diff", "--no-index",
			"--ignore-matching-lines=^// ", pinned.DecoderFile(), b.DecoderFile()))
		if err != nil {
			return err.Error() + "\n"
		}
		if other {
			text = "readOptions is another:\n" + diff
		}
	}
	// The enumeration, and the measurement of time, take longer than they are worth here.
	out, failed, err := workspace.Try(b.Go(ctx, settings.Test{}, "test", "-skip=^Test(Walk|Linear)", "./corpus/...",
		"./properties"))
	if err != nil {
		return err.Error() + "\n"
	}
	if failed {
		text += "its tests fail:\n" + out
	}
	return text
}

// build returns the pinned build with the newest release of one module.
func (r release) build(pinned *extract.Build) (*extract.Build, error) {
	if r.path == hcsshim {
		return extract.Prepare(pinned.Root, r.newest, "")
	}
	return workspace.Edited(pinned, "newest", func(work *modfile.WorkFile) error {
		return work.AddReplace(r.path, "", r.path, r.newest)
	})
}
