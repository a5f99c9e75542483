package quality

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/targets"
)

const (
	overheadRounds = 5
	overheadExecs  = 20000
	minRaw         = 0.7 // of the executions that a target without any check makes
)

// Overhead measures what the checks cost: the executions of each native target
// against those of one that only calls readOptions, on the same seeds, in turns,
// and the checks a second of each property.
func Overhead(ctx context.Context, b *extract.Build) error {
	dir, err := os.MkdirTemp(b.Dir, "overhead-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := buildTests(ctx, b, dir, []string{"fuzz", "internal/quality/baseline"}, "-fuzz=Fuzz"); err != nil {
		return err
	}
	fmt.Printf("  %d rounds of %d executions of each target, one worker\n", overheadRounds, overheadExecs)
	rates := make(map[string][]float64) // executions a second
	shares := make(map[string][]float64)
	for round := range overheadRounds {
		alone, err := engineRate(ctx, b, dir, "internal/quality/baseline", "FuzzCall")
		if err != nil {
			return err
		}
		rates["FuzzCall"] = append(rates["FuzzCall"], alone)
		for _, t := range targets.All {
			rate, err := engineRate(ctx, b, dir, "fuzz", t.Name)
			if err != nil {
				return err
			}
			rates[t.Name] = append(rates[t.Name], rate)
			shares[t.Name] = append(shares[t.Name], rate/alone)
		}
		fmt.Printf("  round %d of %d\n", round+1, overheadRounds)
	}
	fmt.Printf("\n%-24s %16s %24s\n", "median of the rounds", "executions a s", "of readOptions alone")
	fmt.Printf("%-24s %16.0f\n", "readOptions alone", median(rates["FuzzCall"]))
	for _, t := range targets.All {
		fmt.Printf("%-24s %16.0f %24.2f\n", t.Name, median(rates[t.Name]), median(shares[t.Name]))
	}
	if err := checkRates(ctx, b); err != nil {
		return err
	}
	if raw := median(shares[targets.Raw.Name]); raw < minRaw {
		return fmt.Errorf("%s makes %.2f of the executions of readOptions alone, want at least %.1f", targets.Raw.Name, raw, minRaw)
	}
	return nil
}

// engineRate is how many executions a second a target makes, from when its seeds
// have been run.
func engineRate(ctx context.Context, b *extract.Build, dir, pkg, target string) (float64, error) {
	cache, err := os.MkdirTemp(dir, "cache-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(cache)
	cmd := b.Command(ctx, settings.Test{}, testBinary(dir, pkg), "-test.run=^$", "-test.fuzz=^"+target+"$",
		"-test.fuzztime="+strconv.Itoa(overheadExecs)+"x", "-test.fuzzcachedir="+cache, "-test.parallel=1")
	cmd.Dir = filepath.Join(b.Root, filepath.FromSlash(pkg))
	var start time.Time
	var log strings.Builder
	err = gocmd.Lines(cmd, func(line string) {
		log.WriteString(line + "\n")
		if strings.Contains(line, "now fuzzing") {
			start = time.Now()
		}
	})
	end := time.Now()
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err != nil || start.IsZero():
		return 0, fmt.Errorf("%s did not get to fuzz: %w\n%s", target, err, log.String())
	}
	return overheadExecs / end.Sub(start).Seconds(), nil
}

var rapidResult = regexp.MustCompile(`(?m)^=== RUN +(Test\w+)[/\w]*$|\[rapid\] OK, passed (\d+) tests \(([^)]+)\)`)

// checkRates prints how many checks a second each property makes, of all its
// variants, on hcsshim.
func checkRates(ctx context.Context, b *extract.Build) error {
	if err := buildTests(ctx, b, b.Dir, []string{"properties"}); err != nil {
		return err
	}
	cmd := b.Command(ctx, settings.Test{Decoder: "hcsshim"}, testBinary(b.Dir, "properties"), append([]string{"-test.v", "-test.skip=" + cheapTests + "|" + costlyTests}, rapidArgs("300")...)...)
	cmd.Dir = filepath.Join(b.Root, "properties")
	out, err := gocmd.Output(cmd)
	if err != nil {
		return fmt.Errorf("the properties: %w: run make test", err)
	}
	var order []string
	checks, took := make(map[string]float64), make(map[string]time.Duration)
	test := ""
	for _, m := range rapidResult.FindAllStringSubmatch(string(out), -1) {
		if m[1] != "" {
			test = m[1]
			continue
		}
		n, err1 := strconv.ParseFloat(m[2], 64)
		d, err2 := time.ParseDuration(m[3])
		if err1 != nil || err2 != nil {
			continue
		}
		if checks[test] == 0 {
			order = append(order, test)
		}
		checks[test] += n
		took[test] += d
	}
	fmt.Printf("\n%-24s %16s %16s\n", "property", "checks", "checks a s")
	for _, t := range order {
		fmt.Printf("%-24s %16.0f %16.0f\n", t, checks[t], checks[t]/took[t].Seconds())
	}
	return nil
}
