package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"shimfuzz/internal/hcsshim/extract"
	"shimfuzz/internal/targets"
)

// found is what a fuzzer, or a person, has kept.
type found struct {
	name   string // as the user has it
	file   string // absolute
	text   []byte
	target string // that it is an input of; the raw target's is a payload
	native bool   // a file of Go's engine
}

// findCase reads CASE: a payload as it is, an input of libFuzzer's, or a file
// of Go's fuzzing engine. The last lies in a folder named for its target, the
// others are the raw target's unless TARGET or ClusterFuzz's name of the file
// tells another.
func findCase() (*found, error) {
	name := os.Getenv("CASE")
	if name == "" {
		return nil, errors.New("CASE=file is missing: a payload, or what a fuzzer has kept")
	}
	file, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := &found{name: name, file: file, text: text, target: targets.All[0].Name}
	if bytes.HasPrefix(text, []byte(targets.GoHeader)) {
		f.native = true
		f.target = filepath.Base(filepath.Dir(file))
		if _, err := targets.Named(f.target); err != nil || !strings.HasSuffix(filepath.Dir(filepath.Dir(file)), filepath.Join("testdata", "fuzz")) {
			return nil, fmt.Errorf("%s: a file of Go's fuzzing engine must lie in testdata/fuzz/<target>, which says what to run it on", name)
		}
		return f, nil
	}
	for _, t := range targets.Names() {
		if strings.HasPrefix(filepath.Base(file), "clusterfuzz-testcase-") && strings.Contains(filepath.Base(file), "-"+t+"-") {
			f.target = t
		}
	}
	if t := setting("TARGET", ""); t != "" {
		if _, err := targets.Named(t); err != nil {
			return nil, fmt.Errorf("TARGET=%s: %w", t, err)
		}
		f.target = t
	}
	return f, nil
}

// asNative returns the case as a file of Go's engine.
func (f *found) asNative() []byte {
	if f.native {
		return f.text
	}
	target, _ := targets.Named(f.target) // findCase has seen to it
	return targets.GoFile(target.Split(f.text))
}

// write writes the case as a file of Go's engine below testdata, named for its
// content as that engine does it.
func (f *found) write(testdata string) (string, error) {
	sum := sha256.Sum256(f.asNative())
	file := filepath.Join(testdata, "fuzz", f.target, hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return "", err
	}
	return file, os.WriteFile(file, f.asNative(), 0o666)
}

// repro replays one case.
func repro(ctx context.Context, b *extract.Build) error {
	f, err := findCase()
	if err != nil {
		return err
	}
	if !f.native && f.target == targets.All[0].Name {
		program := filepath.Join(b.Dir, "repro")
		if err := reported(goTool(ctx, b, "build", "-buildvcs=false", "-o", program, "./internal/verify/repro")); err != nil {
			return err
		}
		return reported(tool(ctx, b, program, fromHere(f.file)))
	}
	binary := filepath.Join(b.Dir, "replay.test")
	if err := reported(goTool(ctx, b, "test", "-c", "-o", binary, "./fuzz")); err != nil {
		return err
	}
	file := f.file
	if !f.native {
		if file, err = f.write(filepath.Join(b.Dir, "repro-"+f.target, "testdata")); err != nil {
			return err
		}
	}
	var exit *exec.ExitError
	err = replay(ctx, b, binary, file)
	if errors.As(err, &exit) {
		return errReported
	}
	if err == nil {
		fmt.Printf("%s: right, or excused, as an input of %s\n", f.name, f.target)
	}
	return err
}

// keep makes a case a regression test: go test runs what is in fuzz/testdata.
func keep(_ context.Context, b *extract.Build) error {
	f, err := findCase()
	if err != nil {
		return err
	}
	file, err := f.write(filepath.Join(b.Root, "fuzz", "testdata"))
	if err != nil {
		return err
	}
	fmt.Printf("kept for go test of %s, to be committed: %s\n", f.target, fromHere(file))
	return nil
}
