// Package watch compares the newest releases of hcsshim, and of the modules that decode
// for it, with those that the suite pins.
package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// What Upstream writes, below the root.
const (
	pageFile  = "build/upstream.txt"
	casesFile = "build/upstream-answers.txt"
)

const hcsshim = "github.com/Microsoft/hcsshim"

var paths = []string{hcsshim, "github.com/containerd/containerd/api", "github.com/containerd/typeurl/v2",
	"google.golang.org/protobuf"}

// release is the newest one of a module, and the one that the pinned build has.
type release struct{ path, pinned, newest string }

func (r release) isNewer() bool { return semver.Compare(r.newest, r.pinned) > 0 }

// Upstream builds the suite with the newest release of each module in turn, and writes
// what differs from the pinned build to a page. It fails if that needs someone.
func Upstream(ctx context.Context, pinned *extract.Build) error {
	all, err := releases(ctx, pinned)
	if err != nil {
		return err
	}
	page := new(page)
	fmt.Fprintf(page, "The newest releases, and those of the pinned build, which tests hcsshim %s\n\n",
		pinned.Source.Name)
	for _, r := range all {
		newest := r.newest
		if !r.isNewer() {
			newest = "newest is pinned"
		}
		fmt.Fprintf(page, "  %-38s  %-10s  %s\n", r.path, r.pinned, newest)
	}
	newer := slices.DeleteFunc(all, func(r release) bool { return !r.isNewer() })
	if err := page.compare(ctx, pinned, newer); err != nil {
		return err
	}
	fmt.Fprintf(page, "\n%d things need someone (CONTRIBUTING.md, Adding)\n", page.needs)
	write := func(name, text string) error {
		return os.WriteFile(filepath.Join(pinned.Root, name), []byte(text), 0o666)
	}
	if err := errors.Join(write(pageFile, page.String()), write(casesFile, page.cases.String())); err != nil {
		return err
	}
	fmt.Printf("\n%s\nthe same page: %s\n", page, pageFile)
	if page.needs > 0 {
		return gocmd.ErrReported
	}
	return nil
}

// compare adds a section for each release that is newer.
func (p *page) compare(ctx context.Context, pinned *extract.Build, newer []release) error {
	if len(newer) == 0 {
		return nil
	}
	fmt.Println("  building the pinned one")
	before, err := take(ctx, pinned)
	if err != nil {
		return err
	}
	for _, r := range newer {
		fmt.Printf("  building with %s %s\n", r.path, r.newest)
		var after *Snapshot
		b, err := newest(pinned, r)
		if err == nil {
			after, err = take(ctx, b)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.section(r, before, after, err)
	}
	return nil
}

// newest returns the pinned build with another release of one module.
func newest(pinned *extract.Build, r release) (*extract.Build, error) {
	if r.path == hcsshim {
		return extract.Prepare(pinned.Root, r.newest, "")
	}
	return pinned.Edited("newest", func(work *modfile.WorkFile) error {
		return work.AddReplace(r.path, "", r.path,
			r.newest)
	})
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
	has, err := gocmd.Output(pinned.Go(ctx, settings.Test{}, "list", append([]string{"-m", "-f", version},
		paths...)...))
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

// take runs command snapshot in a build.
func take(ctx context.Context, b *extract.Build) (*Snapshot, error) {
	out, err := gocmd.Output(b.Go(ctx, settings.Test{}, "run", "-buildvcs=false", "./lab/upstream/watch/snapshot"))
	if err != nil {
		return nil, err
	}
	s := new(Snapshot)
	return s, json.Unmarshal(out, s)
}
