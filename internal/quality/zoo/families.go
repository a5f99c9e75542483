package zoo

import (
	"bytes"
	"errors"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

var errRefused = errors.New("refused")

// families are bugs in telling BootstrapParams from a legacy Any, and in what
// becomes of the input that is neither.
var families = []Bug{
	{"any-that-decodes-wins", "Legacy first, because most nodes still have it: an ID that is a type's name is mistaken for one.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			var a anypb.Any
			own := new(options.Options)
			if proto.Unmarshal(b, &a) == nil && namesOptions(a.TypeUrl) && proto.Unmarshal(a.Value, own) == nil {
				return own, nil
			}
			return opts, err
		})},
	{"params-that-decode-win", "The new protocol first, and whatever decodes as BootstrapParams was mistaken for them.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			if !stdin.IsBootstrap(b) && proto.Unmarshal(b, new(bootstrap.BootstrapParams)) == nil {
				return nil, nil
			}
			return opts, err
		})},
	{"params-only", "Support for the old protocol was dropped with the old containerd.",
		refused(func(b []byte, opts *options.Options) bool { return opts != nil && !stdin.IsBootstrap(b) })},
	{"any-only", "The new protocol was not known (hcsshim up to v0.15.0-rc.3: bootstrap-rejected).",
		refused(func(b []byte, _ *options.Options) bool { return stdin.IsBootstrap(b) })},
	{"params-by-version-field", "containerd always sends its version, so that field was used as the mark.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			if stdin.IsBootstrap(b) && !has(b, 4) {
				return nil, errRefused
			}
			return opts, err
		})},
	{"params-by-extensions-field", "Only the extensions matter here, so that field was used as the mark.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			if stdin.IsBootstrap(b) && !has(b, 8) {
				return nil, errRefused
			}
			return opts, err
		})},
	{"params-by-a-byte", "0x42 is the tag of extensions; it is a letter, too.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			if opts != nil && err == nil && !stdin.IsBootstrap(b) && bytes.IndexByte(b, 0x42) >= 0 {
				return nil, nil
			}
			return opts, err
		})},
	{"params-by-order", "Marshalers write fields in order, so only the last one was looked at.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			if all, _ := wire.Parse(b); stdin.IsBootstrap(b) && all[len(all)-1].Num < 3 {
				return nil, errRefused
			}
			return opts, err
		})},
	{"errors-are-defaults", "A container with default options is better than none.",
		answers(func(_ []byte, opts *options.Options, err error) (*options.Options, error) {
			if err != nil {
				return nil, nil
			}
			return opts, nil
		})},
	{"errors-are-empty-options", "The zero value is useful.",
		answers(func(_ []byte, opts *options.Options, err error) (*options.Options, error) {
			if err != nil {
				return new(options.Options), nil
			}
			return opts, nil
		})},
	{"stray-bytes-are-defaults", "Invalid bytes on stdin were treated as no options.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			if _, rest := wire.Parse(b); err != nil && len(rest) > 0 {
				return nil, nil
			}
			return opts, err
		})},
	{"cut-off-end-dropped", "A reader that takes what it can get.",
		payloads(func(b []byte) []byte { _, rest := wire.Parse(b); return b[:len(b)-len(rest)] })},
	{"nothing-is-an-error", "No options looked like a failure of the sender.",
		refused(func(_ []byte, opts *options.Options) bool { return opts == nil })},
	{"nothing-is-empty-options", "So that callers need not check for nil.",
		answers(func(_ []byte, opts *options.Options, err error) (*options.Options, error) {
			if opts == nil && err == nil {
				opts = new(options.Options)
			}
			return opts, err
		})},
	{"empty-stdin-is-empty-options", "Zero bytes are a well-formed message.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			if len(b) == 0 {
				return new(options.Options), nil
			}
			return opts, err
		})},
	{"json-fallback", "For debugging by hand.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			own := new(options.Options)
			if err != nil && protojson.Unmarshal(b, own) == nil {
				return own, nil
			}
			return opts, err
		})},
	{"bare-options-accepted", "A test sent Options without the Any, and was made to pass.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			own := new(options.Options)
			if opts == nil && len(b) > 0 && proto.Unmarshal(b, own) == nil && len(own.ProtoReflect().GetUnknown()) == 0 {
				return own, nil
			}
			return opts, err
		})},
	{"any-in-any-unwrapped", "Something wrapped twice once.",
		payloads(func(b []byte) []byte {
			if url, value := stdin.AnyParts(b); !stdin.IsBootstrap(b) && url == "google.protobuf.Any" {
				return value
			}
			return b
		})},
	{"linked-types-are-errors-only", "Types that are not linked in cannot be somebody's options.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			url, _ := stdin.AnyParts(b)
			if err != nil && !stdin.IsBootstrap(b) && url != "" && !linked(url) {
				return nil, nil
			}
			return opts, err
		})},
}

func has(b []byte, num int) bool {
	all, _ := wire.Parse(b)
	for _, f := range all {
		if int(f.Num) == num {
			return true
		}
	}
	return false
}
