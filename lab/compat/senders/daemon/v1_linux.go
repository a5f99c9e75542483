//go:build shimfuzz

package main

// The runtime of shims of version 1, which the tasks service of 1.7 needs on Linux.
import _ "github.com/containerd/containerd/runtime/v1/linux"
