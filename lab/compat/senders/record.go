package senders

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shimfuzz/corpus"
	"shimfuzz/corpus/table"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/recorded"
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
	return writeRecordings(root, all, ways)
}

func writeRecordings(root string, all []recorded.Recording, ways []recorded.Passage) error {
	ways = recorded.Merge(ways)
	files := table.Files(recorded.Cases(all, ways))
	files[recorded.Folder+"recordings.json"], files[recorded.Folder+"passages.json"] = list(all), list(ways)
	same := true
	for name, text := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		old, _ := os.ReadFile(name) // a new one is not there
		if err := os.WriteFile(name, text, 0o666); err != nil {
			return err
		}
		same = same && bytes.Equal(old, text)
	}
	if same {
		fmt.Println("the same bytes as before")
		return nil
	}
	fmt.Println("new recordings: see what differs with git diff, and remove the files that make corpus names")
	return nil
}

// list is the content of a file with a line for each.
func list[T any](all []T) []byte { return []byte("[\n" + corpus.Lines(all, "") + "\n]\n") }
