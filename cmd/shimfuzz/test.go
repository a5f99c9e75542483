package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
)

// defaultSeed and defaultChecks make a run of make test repeat exactly: exploring
// is for make fuzz, and for SEED and CHECKS.
const (
	defaultSeed   = "1"
	defaultChecks = "300"
)

// decoderPackages are measured for coverage besides the extracted code.
var decoderPackages = []string{
	"shimfuzz/internal/hcsshim",
	"github.com/containerd/containerd/api/runtime/bootstrap/v1",
	"github.com/containerd/typeurl/v2",
	"google.golang.org/protobuf/encoding/protowire",
	"google.golang.org/protobuf/internal/impl",
	"google.golang.org/protobuf/proto",
}

// test runs everything that must hold of the hcsshim under test.
func test(ctx context.Context, b *extract.Build) error {
	if err := printVersions(ctx, b); err != nil {
		return err
	}
	profile := filepath.Join(b.Dir, "cover.out")
	rapid := []string{"-rapid.seed=" + setting("SEED", defaultSeed), "-rapid.checks=" + setting("CHECKS", defaultChecks), "-rapid.nofailfile", "-rapid.shrinktime=3s"}
	run := newTestRun()
	err := run.packages(ctx, b, "unit tests and the seeds of every fuzz target", otherPackages(b), nil, nil)
	if err != nil {
		return err
	}
	if err := run.packages(ctx, b, "corpus and properties", []string{"./properties"}, coverFlags(b, profile), rapid); err != nil {
		return err
	}
	if raceDetector(ctx, b) {
		race := []string{"-race", "-run=TestConcurrent|TestNoSharedState"}
		if err := run.packages(ctx, b, "sharing, under the race detector", []string{"./properties"}, race, rapid); err != nil {
			return err
		}
	} else {
		fmt.Println("  NOT RUN: the race detector, which needs a C compiler here")
	}
	missed, err := printCoverage(ctx, b, profile)
	if err != nil {
		return err
	}
	switch {
	case missed == "":
	case b.Source.Version == "": // its author may know why
		fmt.Println("  note: " + missed)
	default:
		run.broken = append(run.broken, missed)
	}
	return run.finish()
}

// introduce says what is tested against what.
func printVersions(ctx context.Context, b *extract.Build) error {
	modules := []string{"google.golang.org/protobuf", "github.com/containerd/typeurl/v2", "github.com/containerd/containerd/api"}
	list := goTool(ctx, b, "list", append([]string{"-m", "-f", "{{.Path}} {{if .Replace}}{{or .Replace.Version .Version}}{{else}}{{.Version}}{{end}}"}, modules...)...)
	versions, err := printed(list)
	if err != nil {
		return err
	}
	fmt.Printf("hcsshim %s\n  %s\n", b.Source.Name, strings.ReplaceAll(versions, "\n", "\n  "))
	if f := os.Getenv(settings.Findings); f != "" {
		fmt.Printf("  excused findings: %s\n", f)
	}
	return nil
}

// otherPackages are the packages with tests beside the properties. The tests of
// the extraction itself do not depend on the hcsshim under test.
func otherPackages(b *extract.Build) []string {
	if len(b.Flags) == 0 {
		return []string{"./fuzz", "./corpus/...", "./internal/..."}
	}
	return []string{"./fuzz", "./corpus"}
}

// raceDetector reports whether tests can be built with -race.
func raceDetector(ctx context.Context, b *extract.Build) bool {
	if runtime.GOOS == "darwin" {
		return true
	}
	cgo, err := printed(tool(ctx, b, "go", "env", "CGO_ENABLED"))
	return err == nil && cgo == "1"
}
