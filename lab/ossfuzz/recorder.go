package ossfuzz

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shimfuzz/internal/gocmd"
)

// RecordFile is the variable that tells a recording hcsshim where to write, one
// line of hexadecimal digits for each payload that it reads.
const RecordFile = "SHIMFUZZ_RECORD"

// recording stands in front of the renamed readOptions.
const recording = `//go:build windows

package main

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

func readOptions(in io.Reader) (*options.Options, error) {
	var seen bytes.Buffer
	defer func() {
		f, err := os.OpenFile(os.Getenv("` + RecordFile + `"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		if _, err := f.WriteString(hex.EncodeToString(seen.Bytes()) + "\n"); err != nil {
			panic(err)
		}
	}()
	return ` + renamed + `(io.TeeReader(in, &seen))
}
`

const renamed = "readOptionsBehindTheRecorder"

// WriteRecorder writes a checkout of the hcsshim in from whose readOptions does
// what it did, and records what it reads. So the builder can be asked what
// arrives in the decoder, and the fuzz targets stay as they are.
func WriteRecorder(to, from string) error {
	if err := errors.Join(os.RemoveAll(to), gocmd.CopyTree(to, from, ".git")); err != nil {
		return err
	}
	shim := filepath.Join(to, "cmd", "containerd-shim-runhcs-v1")
	files, err := filepath.Glob(filepath.Join(shim, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		changed := bytes.Replace(text, []byte("\nfunc readOptions("), []byte("\nfunc "+renamed+"("), 1)
		if !bytes.Equal(changed, text) {
			return errors.Join(os.WriteFile(name, changed, 0o666), os.WriteFile(filepath.Join(shim, "recorder.go"),
				[]byte(recording), 0o666))
		}
	}
	return fmt.Errorf("no readOptions in %s", shim)
}

// Recorded reads the set of payloads that a recording hcsshim has written.
func Recorded(file string) (map[string]bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	payloads := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		payloads[string(b)] = true
	}
	return payloads, nil
}
