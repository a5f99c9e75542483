// Package baseline holds the fuzz targets that a competent engineer writes for a
// readOptions in an afternoon. The suite is measured against them: make baselines.
package baseline

import (
	"bytes"
	"testing"

	gofuzzheaders "github.com/AdaLogics/go-fuzz-headers"
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/hcsshim"
)

// Call only calls the decoder: the fuzzer notices panics. It has the form that
// libFuzzer calls, to measure what an execution costs without any check (make overhead).
func Call(data []byte) int {
	_, _ = hcsshim.ReadOptions(bytes.NewReader(data))
	return 0
}

// call is Call for Go's engine.
func call(_ *testing.T, b []byte) { Call(b) }

// sent encodes options as both kinds of containerd do.
func sent(opts *options.Options) (legacy, params []byte, err error) {
	a, err := anypb.New(opts)
	if err != nil {
		return nil, nil, err
	}
	p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: "k8s.io", ContainerdVersion: "2.3.0"}
	if err := p.AddExtension(opts); err != nil {
		return nil, nil, err
	}
	if legacy, err = proto.Marshal(a); err != nil {
		return nil, nil, err
	}
	params, err = proto.Marshal(p)
	return legacy, params, err
}

// roundTrip sends options both ways and wants them back.
func roundTrip(t *testing.T, opts *options.Options) {
	legacy, params, err := sent(opts)
	if err != nil {
		t.Skip() // nothing that can be sent
	}
	for _, b := range [][]byte{legacy, params} {
		got, err := hcsshim.ReadOptions(bytes.NewReader(b))
		if err != nil || !proto.Equal(got, opts) {
			t.Fatalf("sent %v, got %v, %v", opts, got, err)
		}
	}
}

// decoded round-trips what the decoder makes of b.
func decoded(t *testing.T, b []byte) {
	if opts, err := hcsshim.ReadOptions(bytes.NewReader(b)); err == nil && opts != nil {
		roundTrip(t, opts)
	}
}

// generated round-trips options that go-fuzz-headers makes of b.
func generated(t *testing.T, b []byte) {
	opts := new(options.Options)
	if gofuzzheaders.NewConsumer(b).GenerateStruct(opts) == nil {
		roundTrip(t, opts)
	}
}
