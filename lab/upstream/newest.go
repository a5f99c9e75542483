package upstream

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/workspace"
)

const hcsshim = "github.com/Microsoft/hcsshim"

// Compare builds the suite with the newest release of each module in turn, which the go
// command asks the module proxy for, runs its tests on that, and says what differs. It
// fails if something there needs someone.
func Compare(ctx context.Context, pinned *extract.Build) error {
	const format = "{{.Path}} {{with .Replace}}{{or .Version $.Version}}{{else}}{{.Version}}{{end}} " +
		"{{with .Update}}{{.Version}}{{else}}{{.Version}}{{end}}"
	out, err := gocmd.Output(pinned.Go(ctx, settings.Test{}, "list", "-m", "-u", "-f", format, hcsshim,
		"github.com/containerd/containerd/api", "github.com/containerd/typeurl/v2", protobuf))
	if err != nil {
		return fmt.Errorf("asking for the newest releases: %s", gocmd.OneLine(err.Error()))
	}
	fmt.Printf("The releases of the pinned build, which tests hcsshim %s, and the newest ones\n\n", pinned.Source.Name)
	needs := 0
	for line := range bytes.Lines(out) {
		var path, own, newest string
		fmt.Sscan(string(line), &path, &own, &newest)
		fmt.Printf("  %-38s  %-10s  ", path, own)
		if semver.Compare(newest, own) <= 0 {
			fmt.Println("newest is pinned")
			continue
		}
		fmt.Printf("%s: building and testing with it\n", newest)
		text := differs(ctx, pinned, path, newest)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if text != "" {
			needs++
		}
		fmt.Println(cmp.Or(text, "nothing differs\n"))
	}
	fmt.Printf("\n%d releases need someone (CONTRIBUTING.md, Adding)\n", needs)
	if needs > 0 {
		return gocmd.ErrReported
	}
	return nil
}

// differs says what is other with a release of a module: a finding that went or came, a
// field that no case sets, or any other wrong answer fails a test.
func differs(ctx context.Context, pinned *extract.Build, path, version string) (text string) {
	b, err := with(pinned, path, version)
	if err != nil {
		return "it cannot be built:\n" + err.Error() + "\n"
	}
	diff, other, errDiff := workspace.Try(gocmd.Command(ctx, b.Root, "git", "diff",
		"--no-index", "--ignore-matching-lines=^// ", pinned.DecoderFile(), b.DecoderFile())) // git ignores both
	// The enumeration, and the measurement of time, take longer than they are worth here.
	out, failed, errTest := workspace.Try(b.Go(ctx, settings.Test{}, "test", "-skip=^Test(Walk|Linear)", "./corpus/...",
		"./properties"))
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

// with returns the pinned build with another release of a module.
func with(pinned *extract.Build, path, version string) (*extract.Build, error) {
	if path == hcsshim {
		return extract.Prepare(pinned.Root, version, "")
	}
	return workspace.Edited(pinned, "newest", "-replace="+path+"="+path+"@"+version)
}
