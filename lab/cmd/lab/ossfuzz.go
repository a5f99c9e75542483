package main

import (
	"context"
	"fmt"

	"shimfuzz/internal/gocmd"
	"shimfuzz/lab/ossfuzz"
)

// ossFuzz does what OSS-Fuzz does with a project.
func ossFuzz(ctx context.Context, j *job) error {
	switch j.sanitizer {
	case "address":
		return ossfuzz.Check(ctx, j.b, j.test, j.fuzztime)
	case "coverage":
		return ossfuzz.Coverage(ctx, j.b, j.test)
	}
	return fmt.Errorf("SANITIZER=%s: want address or coverage", j.sanitizer)
}

func ossFuzzProof(ctx context.Context, j *job) error { return ossfuzz.Prove(ctx, j.root, j.fuzztime) }

// submission writes what OSS-Fuzz is sent, and makes each check of it that needs no docker.
func submission(ctx context.Context, j *job) error {
	dir, err := ossfuzz.WriteSubmission(j.root, j.repo, j.contact)
	if err != nil {
		return err
	}
	fmt.Printf("%s is what OSS-Fuzz is sent\n", gocmd.FromHere(dir))
	if err := ossfuzz.Reach(ctx, j.repo); err != nil {
		fmt.Printf("  NOT SEEN: the repository: %v\n", err)
	}
	fmt.Println()
	if err := ossfuzz.Check(ctx, j.b, j.test, j.fuzztime); err != nil {
		return err
	}
	fmt.Println()
	if err := ossfuzz.Coverage(ctx, j.b, j.test); err != nil {
		return err
	}
	fmt.Println("NOT RUN: the image itself, which needs docker: in a clone of OSS-Fuzz with this folder in projects,")
	fmt.Println("  python3 infra/helper.py build_image hcsshim, then build_fuzzers and check_build")
	return nil
}
