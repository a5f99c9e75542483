//go:build shimfuzz_require

// This file is never built. It keeps "go mod tidy" from dropping the modules
// that only the extracted files import, which tidy does not see in a fresh clone.
package hcsshim

import (
	_ "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	_ "github.com/Microsoft/hcsshim/pkg/ctrdtaskapi"
	_ "github.com/containerd/cgroups/v3/cgroup1/stats"
	_ "github.com/containerd/containerd/api/events"
	_ "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	_ "github.com/containerd/containerd/api/runtime/sandbox/v1"
	_ "github.com/containerd/containerd/api/runtime/task/v2"
	_ "github.com/containerd/containerd/api/runtime/task/v3"
	_ "github.com/containerd/containerd/api/services/ttrpc/events/v1"
	_ "github.com/containerd/containerd/api/types"
	_ "github.com/containerd/containerd/api/types/runc/options"
	_ "github.com/containerd/containerd/api/types/task"
	_ "github.com/containerd/containerd/v2/core/runtime"
	_ "github.com/containerd/ttrpc"
	_ "github.com/containerd/typeurl/v2"
	_ "github.com/pkg/errors"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/grpc/binarylog/grpc_binarylog_v1"
)
