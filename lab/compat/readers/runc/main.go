//go:build shimfuzz

// Command runc starts the real containerd-shim-runc-v2, which is in the same folder,
// once for each payload, and concludes from its error whether the runc options
// arrived: they ask for a cgroup that does not exist, and the shim names it.
//
// The shim runs in user and mount namespaces of its own, with an empty /run, and the
// processes that it leaves running are killed.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"shimfuzz/lab/conformance/protocol"
)

// marker is the cgroup that the recorded runc options ask for.
const marker = "shimfuzz-marker"

func main() {
	if len(os.Args) > 1 && os.Args[1] == "sandboxed" {
		fmt.Fprintln(os.Stderr, "sandbox:", sandboxed())
		os.Exit(125)
	}
	// A process that a shim leaves running becomes a child of this process.
	err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	self, err2 := os.Executable()
	bundle, err3 := os.MkdirTemp("", "shimfuzz-runc-")
	err = errors.Join(err, err2, err3, os.WriteFile(filepath.Join(bundle, "config.json"), []byte("{}"), 0o666))
	if err == nil {
		err = protocol.Serve(os.Stdin, os.Stdout,
			func(payload []byte) protocol.Answer { return start(self, bundle, payload) })
	}
	if err = errors.Join(err, os.RemoveAll(bundle)); err != nil {
		fmt.Fprintln(os.Stderr, "runc:", err)
		os.Exit(1)
	}
}

// start starts the shim as containerd does for the container of the recordings.
func start(self, bundle string, payload []byte) protocol.Answer {
	cmd := exec.Command(self, "sandboxed", filepath.Join(filepath.Dir(self), "containerd-shim-runc-v2"),
		"-namespace", "k8s.io", "-address", "/run/shimfuzz.sock", "-publish-binary", "/bin/false", "-id", "web-1",
		"start")
	cmd.Dir = bundle
	cmd.Env = append(os.Environ(), "GRPC_ADDRESS=/run/shimfuzz.sock", "TTRPC_ADDRESS=/run/shimfuzz.sock.ttrpc",
		"NAMESPACE=k8s.io")
	if len(payload) > 0 { // without options, containerd up to 2.2 gives no standard input
		cmd.Stdin = bytes.NewReader(payload)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	err := cmd.Run()
	endChildren()
	said := strings.TrimSpace(stderr.String())
	var exit *exec.ExitError
	switch {
	// it adjusts the score after it has read the options
	case err == nil, strings.Contains(said, "failed to adjust OOM score"):
		return protocol.Answer{Outcome: protocol.None}
	case !errors.As(err, &exit) || exit.ExitCode() == 125:
		return protocol.Answer{Outcome: protocol.Unable, Detail: []byte("it needs user and mount namespaces: " +
			err.Error() + " " + said)}
	case strings.Contains(said, "\ngoroutine "):
		return protocol.Answer{Outcome: protocol.Panic, Detail: []byte(said)}
	case strings.Contains(said, marker):
		// Only field 3, shim_cgroup, is known.
		return protocol.Answer{Outcome: protocol.Options, Detail: append([]byte{3<<3 | 2, byte(len(marker))},
			marker...)}
	}
	return protocol.Failed(errors.New(said))
}

// sandboxed mounts an empty /run and executes the shim. It returns only if it fails.
func sandboxed() error {
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("none", "/run", "tmpfs", 0, ""); err != nil {
		return err
	}
	return syscall.Exec(os.Args[2], os.Args[2:], os.Environ())
}

// endChildren kills the processes that the shim has left running.
func endChildren() {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				_ = unix.Kill(pid, unix.SIGKILL)
				_, _ = unix.Wait4(pid, nil, 0, nil)
			}
		}
	}
}
