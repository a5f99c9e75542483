module shimfuzz

go 1.26.8

require (
	github.com/AdaLogics/go-fuzz-headers v0.0.0-20240806141605-e8a1dd7889d6
	github.com/Microsoft/hcsshim v0.15.0
	github.com/containerd/containerd/api v1.11.1
	github.com/containerd/typeurl/v2 v2.3.0
	github.com/google/go-cmp v0.7.0
	golang.org/x/mod v0.41.0
	golang.org/x/tools v0.50.0
	google.golang.org/protobuf v1.36.12
	pgregory.net/rapid v1.3.0
)

require golang.org/x/sync v0.24.0 // indirect

// What is extracted from hcsshim: without code here, and in full in the workspace that
// make extract writes.
require shimfuzz/extracted v0.0.0

replace shimfuzz/extracted => ./internal/hcsshim/none
