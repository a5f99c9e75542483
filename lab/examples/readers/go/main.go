// Command go reads the options of a runhcs shim with google.golang.org/protobuf.
package main

import (
	"regexp"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/lab/conformance/protocol"
)

func malformed(err error) protocol.Answer {
	return protocol.Answer{Outcome: "error/malformed", Detail: []byte(err.Error())}
}

var identifier = regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$`)

func isIdentifier(s string) bool { return len(s) <= 76 && identifier.MatchString(s) }
func isOptions(url string) bool  { return strings.HasSuffix("/"+url, "/containerd.runhcs.v1.Options") }

// isBootstrap reports whether a field is there that only BootstrapParams has.
func isBootstrap(b []byte) (found bool, err error) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeField(b)
		if n < 0 {
			return false, protowire.ParseError(n)
		}
		found = found || num == 3 && typ == protowire.VarintType || num >= 4 && num <= 9 && typ == protowire.BytesType
		b = b[n:]
	}
	return found, nil
}

func answerOptions(value []byte) protocol.Answer {
	opts := new(options.Options)
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(value, opts); err != nil {
		return malformed(err)
	}
	return protocol.Encoded(proto.Marshal(opts))
}

// answer answers a payload by docs/contract.md, R1 to R4c.
func answer(payload []byte) protocol.Answer {
	params, legacy := new(bootstrap.BootstrapParams), new(anypb.Any)
	found, err := isBootstrap(payload)
	if err != nil { // R2
		return malformed(err)
	}
	if found { // R3
		if err := proto.Unmarshal(payload, params); err != nil {
			return malformed(err)
		}
		for _, extension := range params.GetExtensions() {
			if isOptions(extension.GetValue().GetTypeUrl()) {
				return answerOptions(extension.GetValue().GetValue())
			}
		}
		return protocol.Answer{Outcome: protocol.None}
	}
	if err := proto.Unmarshal(payload, legacy); err != nil { // R4
		return malformed(err)
	}
	if isOptions(legacy.GetTypeUrl()) { // R4a
		return answerOptions(legacy.GetValue())
	}
	isMinimal := isIdentifier(legacy.GetTypeUrl()) && isIdentifier(string(legacy.GetValue()))
	if len(payload) == 0 || isMinimal && proto.Unmarshal(payload, params) == nil { // R1, R4b
		return protocol.Answer{Outcome: protocol.None}
	}
	return protocol.Answer{Outcome: "error/foreign", Detail: []byte("options of type " + legacy.GetTypeUrl())} // R4c
}

func main() { protocol.Main(answer) }
