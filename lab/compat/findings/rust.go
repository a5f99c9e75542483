package findings

import (
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/bugs"
	"shimfuzz/lab/compat/recorded"
)

// The model of rust-extensions is that of the crate containerd-shim, on the crate protobuf. Both
// the reader and the predictions use it.

// CgroupField is the number of shim_cgroup in runc's Options.
const CgroupField = 3

// RustCgroup returns the cgroup that start of rust-extensions' async API adds the shim to,
// "" for none: that of the value of an Any, of whatever type. This is
// set_cgroup_and_oom_score in crates/shim/src/cgroup.rs, of which every error ends start.
func RustCgroup(payload []byte) (string, error) {
	value, err := bugs.RustProtobuf(payload, 2, []uint64{1}, nil)
	if err != nil {
		return "", err
	}
	return bugs.RustProtobuf([]byte(value), CgroupField, []uint64{CgroupField, 6, 7, 10, 11, 12}, []uint64{4, 5, 13})
}

// rust is rust-extensions: Options if they have a cgroup, and none if not.
var rust model = func(_ List, b []byte) contract.Outcome {
	switch cgroup, err := RustCgroup(b); {
	case err != nil:
		return contract.Outcome{Kind: contract.Error, Err: err}
	case cgroup == "":
		return none
	}
	return contract.Outcome{Kind: contract.Options}
}

// namespaceRefused is a namespace that is not protobuf. In every recording it is k8s.io,
// whose third byte is no tag.
func namespaceRefused(b []byte, _, got contract.Outcome) bool {
	return stdin.IsBootstrap(b) && got.Kind.IsError()
}

// namespaceIsOptions is a namespace that stands in for the options.
func namespaceIsOptions(b []byte, want, got contract.Outcome) bool {
	return stdin.IsBootstrap(b) && !got.Kind.IsError() && !want.Kind.IsError()
}

// groupEndsUnmatched is an Any whose groups have the ends of others: there is no other damage
// that the crate accepts.
func groupEndsUnmatched(b []byte, want, got contract.Outcome) bool {
	return want.Kind == contract.Malformed && !got.Kind.IsError() && !stdin.IsBootstrap(b)
}

// inNamespace makes BootstrapParams with runc's Options of a container in a namespace.
func inNamespace(namespace string) func() []byte {
	return func() []byte {
		p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: namespace, ContainerdVersion: "v2.4.2"}
		options := wire.Message{wire.String(CgroupField, recorded.RuncMarker)}.Encode()
		return recorded.Start(recorded.OrdinaryShim, p, RuncOptions, options)
	}
}
