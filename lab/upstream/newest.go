package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

const hcsshim = "github.com/Microsoft/hcsshim"

var paths = []string{hcsshim, "github.com/containerd/containerd/api", "github.com/containerd/typeurl/v2",
	"google.golang.org/protobuf"}

// release is the newest one of a module, and the one that the pinned build has.
type release struct{ path, pinned, newest string }

// Compare builds the suite with the newest release of each module in turn, runs its tests
// on that, and says what differs. It fails if something there needs someone.
func Compare(ctx context.Context, pinned *extract.Build) error {
	all, err := releases(ctx, pinned)
	if err != nil {
		return err
	}
	fmt.Printf("The releases of the pinned build, which tests hcsshim %s, and the newest ones\n\n", pinned.Source.Name)
	needs := 0
	for _, r := range all {
		fmt.Printf("  %-38s  %-10s  ", r.path, r.pinned)
		if semver.Compare(r.newest, r.pinned) <= 0 {
			fmt.Println("newest is pinned")
			continue
		}
		fmt.Printf("%s: building and testing with it\n", r.newest)
		differs := r.differs(ctx, pinned)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if differs != "" {
			needs++
		}
		fmt.Println(cmp.Or(differs, "nothing differs\n"))
	}
	fmt.Printf("\n%d releases need someone (CONTRIBUTING.md, Adding)\n", needs)
	if needs > 0 {
		return gocmd.ErrReported
	}
	return nil
}

// releases are the modules' own and newest releases, which the go command asks the module
// proxy for.
func releases(ctx context.Context, pinned *extract.Build) (all []release, err error) {
	const format = "{{with .Replace}}{{or .Version $.Version}}{{else}}{{.Version}}{{end}} " +
		"{{with .Update}}{{.Version}}{{else}}{{.Version}}{{end}}"
	list := append([]string{"-m", "-u", "-f", format}, paths...)
	out, err := gocmd.Output(pinned.Go(ctx, settings.Test{}, "list", list...))
	if err != nil {
		return nil, fmt.Errorf("asking for the newest releases: %s", gocmd.OneLine(err.Error()))
	}
	versions := strings.Fields(string(out))
	for i, path := range paths {
		all = append(all, release{path, versions[2*i], versions[2*i+1]})
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
	diff, other, errDiff := workspace.Try(gocmd.Command(ctx, b.Root, "git", "diff",
		"--no-index", "--ignore-matching-lines=^// ", pinned.DecoderFile(), b.DecoderFile())) // git ignores both
	// The enumeration, and the measurement of time, take longer than they are worth here.
	out, failed, errTest := workspace.Try(b.Go(ctx, settings.Test{}, "test", "-skip=^Test(Walk|Linear)", "./corpus/...",
		"./properties"))
	text := ""
	if err := errors.Join(errDiff, errTest); err != nil {
		text = err.Error() + "\n"
	}
	if other {
		text += "readOptions is another:\n" + diff
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
