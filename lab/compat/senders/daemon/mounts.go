//go:build shimfuzz

package main

// The mount manager, which a task manager needs since containerd 2.2.
import _ "github.com/containerd/containerd/v2/plugins/mount"
