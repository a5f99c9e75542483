package main

import (
	"context"
	"os"

	"shimfuzz/lab/conformance/differential"
)

// differ holds the reference to readers on other protobuf engines.
func differ(ctx context.Context, j *job) error {
	engines, err := differential.Engines(ctx, j.root)
	if err != nil {
		return err
	}
	return differential.Run(ctx, differential.Config{Root: j.root, Seed: int(j.seed), Payloads: int(j.payloads),
		Engines: engines}, os.Stdout)
}
