package e2e

import (
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
)

// LcowAnswer is what lcow-v2 makes of its stdin. It has no readOptions: whatever
// the bytes, they are BootstrapParams to it, nothing at all included, and the
// first extension that names Options decides. Without one there are none.
func LcowAnswer(b []byte) contract.Outcome {
	var params bootstrap.BootstrapParams
	if err := proto.Unmarshal(b, &params); err != nil {
		return contract.Outcome{Kind: contract.Error, Err: err}
	}
	for _, e := range params.GetExtensions() {
		url := e.GetValue().GetTypeUrl()
		if url[strings.LastIndexByte(url, '/')+1:] != contract.OptionsName {
			continue
		}
		opts := new(options.Options)
		if err := proto.Unmarshal(e.GetValue().GetValue(), opts); err != nil {
			return contract.Outcome{Kind: contract.Error, Err: err}
		}
		return payload.Sent(opts)
	}
	return payload.Sent(nil)
}

// LcowAfter is what lcow-v2's serve does with that. Of the options it looks at
// the log level and at what is to be scrubbed.
func LcowAfter(o contract.Outcome) Verdict {
	if o.Kind.IsError() {
		return Verdict{Kind: Refused}
	}
	if o.Kind == contract.None {
		return Verdict{Kind: Accepted}
	}
	return afterLevel(o.Options.GetLogLevel())
}
