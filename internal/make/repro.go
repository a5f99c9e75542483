package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"shimfuzz/internal/extract"
)

// repro replays one case: a payload as it is, or a file of Go's fuzzing engine.
func repro(ctx context.Context, b *extract.Build) error {
	name := os.Getenv("CASE")
	if name == "" {
		return errors.New("CASE=file is missing: a payload, or what make fuzz has kept")
	}
	file, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(text, []byte("go test fuzz v1\n")) {
		program := filepath.Join(b.Dir, "repro")
		if err := reported(goTool(ctx, b, "build", "-buildvcs=false", "-o", program, "./internal/repro")); err != nil {
			return err
		}
		return reported(tool(ctx, b, program, fromHere(file)))
	}
	target := filepath.Base(filepath.Dir(file))
	if !slices.Contains(Targets, target) || !strings.HasSuffix(filepath.Dir(filepath.Dir(file)), filepath.Join("testdata", "fuzz")) {
		return fmt.Errorf("%s: a file of the fuzzing engine must lie in testdata/fuzz/<target>, which says what to run it on", name)
	}
	binary := filepath.Join(b.Dir, "replay.test")
	if err := reported(goTool(ctx, b, "test", "-c", "-o", binary, "./fuzz")); err != nil {
		return err
	}
	var exit *exec.ExitError
	err = replay(ctx, b, binary, file)
	if errors.As(err, &exit) {
		return errReported
	}
	if err == nil {
		fmt.Printf("%s: right, or excused\n", name)
	}
	return err
}
