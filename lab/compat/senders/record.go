package senders

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/table"
	"shimfuzz/lab/windows/wine"
)

// Record records what every release of containerd writes to a shim's standard input, and
// what becomes of options in its daemon, in recorded.Folder and in the corpus. It needs
// Linux and Wine.
func Record(ctx context.Context, root string) error {
	fmt.Println("The first time each containerd takes two minutes to build.")
	host, err := wine.Start(ctx, root)
	if err != nil {
		return err
	}
	defer host.Stop()
	var all []recorded.Recording
	var ways []recorded.Passage
	for i, version := range findings.Containerd {
		start := time.Now()
		fmt.Printf("containerd %s, %d of %d\n", version, i+1, len(findings.Containerd))
		recordings, passages, err := record(ctx, host, root, version)
		if err != nil {
			return err
		}
		fmt.Printf("  %d starts and %d passages recorded, %.0f s\n", len(recordings), len(passages),
			time.Since(start).Seconds())
		all, ways = append(all, recordings...), append(ways, passages...)
	}
	ways = recorded.Merge(ways)
	files, err := table.Files(recorded.Cases(all, ways))
	if err != nil {
		return err
	}
	files[recorded.Folder+"recordings.json"], files[recorded.Folder+"passages.json"] = list(all), list(ways)
	changed := 0
	for name, text := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		if old, _ := os.ReadFile(name); !bytes.Equal(old, text) { // a new one is not there
			changed++
			err = errors.Join(err, os.WriteFile(name, text, 0o666))
		}
	}
	fmt.Printf("%d files have changed: git diff shows how, and make corpus names those that are gone\n", changed)
	return err
}

// list is the content of a file with a line for each.
func list[T any](all []T) []byte { return []byte("[\n" + table.Lines(all, "") + "\n]\n") }
