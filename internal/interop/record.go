package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/interop/senders"
)

// Record records what every release of containerd writes to a shim's standard input,
// into table.RecordingsFile, from which make corpus makes cases. It needs Linux.
func Record(ctx context.Context, root string) error {
	var all []table.Recording
	for i, version := range senders.Releases {
		start := time.Now()
		fmt.Printf("containerd %s, %d of %d\n", version, i+1, len(senders.Releases))
		recordings, err := senders.Record(ctx, filepath.Join(root, "build", "senders", version), version)
		if err != nil {
			return err
		}
		fmt.Printf("  %d starts recorded, %.0f s\n", len(recordings), time.Since(start).Seconds())
		all = append(all, recordings...)
	}
	text, err := table.FormatRecordings(all)
	if err != nil {
		return err
	}
	name := filepath.Join(root, filepath.FromSlash(table.RecordingsFile))
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, text, 0o666); err != nil {
		return err
	}
	if string(old) == string(text) {
		fmt.Println("the same bytes as before")
		return nil
	}
	fmt.Println("new recordings: run make corpus, and see what differs with git diff")
	return nil
}
