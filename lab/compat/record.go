package compat

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shimfuzz/corpus"
	"shimfuzz/corpus/table"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/senders"
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
	for i, version := range senders.Releases {
		start := time.Now()
		fmt.Printf("containerd %s, %d of %d\n", version, i+1, len(senders.Releases))
		recordings, passages, err := senders.Record(ctx, host, filepath.Join(root, "build", "senders", version),
			version)
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
	ways = merge(ways)
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

// merge makes one of the passages of releases that did the same. All of the same options
// or setting stand together.
func merge(all []recorded.Passage) (merged []recorded.Passage) {
	at := make(map[string]int)    // by what was done, in merged
	order := make(map[string]int) // by the options or the setting
	for _, p := range all {
		release := p.Containerd
		p.Containerd = nil
		key := corpus.Lines([]recorded.Passage{p}, "")
		if _, ok := at[key]; !ok {
			at[key] = len(merged)
			merged = append(merged, p)
		}
		if _, ok := order[p.Options+p.Setting]; !ok {
			order[p.Options+p.Setting] = len(order)
		}
		m := &merged[at[key]]
		m.Containerd = append(m.Containerd, release...)
	}
	slices.SortStableFunc(merged, func(a, b recorded.Passage) int {
		return order[a.Options+a.Setting] - order[b.Options+b.Setting]
	})
	return merged
}
