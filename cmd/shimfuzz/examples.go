package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"shimfuzz/internal/gocmd"
	"shimfuzz/internal/interop/examples"
)

// descriptors writes the descriptor set for readers in any language.
func descriptors(_ context.Context, j *job) error {
	messages, err := examples.WriteDescriptors(j.root)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n  %s\n", examples.Descriptors, strings.Join(messages, "\n  "))
	return nil
}

// examplesTools installs from Debian what the example readers need.
func examplesTools(ctx context.Context, j *job) error {
	var packages []string
	for _, e := range examples.All() {
		for _, n := range e.Lacking() {
			packages = append(packages, n.Package)
		}
	}
	if len(packages) > 0 {
		if err := aptInstall(ctx, j.root, packages...); err != nil {
			return err
		}
	}
	for _, e := range examples.All() {
		if missing := e.Missing(); missing != "" {
			return fmt.Errorf("the packages are installed, but not found is %s", missing)
		}
	}
	fmt.Println("what the example readers need is installed")
	return nil
}

// aptInstall installs packages on Debian.
func aptInstall(ctx context.Context, root string, packages ...string) error {
	if os.Getuid() != 0 {
		return errors.New("installing needs root: apt-get install --no-install-recommends " + strings.Join(packages, " "))
	}
	install := append([]string{"-qq", "install", "-y", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"-qq", "update"}, install} {
		cmd := gocmd.Command(ctx, root, "apt-get", args...)
		cmd.Env = append(cmd.Env, "DEBIAN_FRONTEND=noninteractive")
		if _, err := gocmd.Output(cmd); err != nil {
			return fmt.Errorf("apt-get %s: %w", args[1], err)
		}
	}
	return nil
}
