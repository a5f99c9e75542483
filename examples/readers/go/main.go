// Command go reads the options of a runhcs shim with google.golang.org/protobuf.
package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/interop/protocol"
)

var (
	errMalformed = errors.New("malformed")
	errForeign   = errors.New("options of another type")
)

// parse decodes a message and drops its unknown fields.
func parse[M proto.Message](b []byte, m M) (M, error) {
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, m); err != nil {
		return m, fmt.Errorf("%w: %s: %v", errMalformed, m.ProtoReflect().Descriptor().FullName(), err)
	}
	return m, nil
}

func namesOptions(a *anypb.Any) bool {
	return a.GetTypeUrl()[strings.LastIndexByte(a.GetTypeUrl(), '/')+1:] == "containerd.runhcs.v1.Options"
}

var identifier = regexp.MustCompile(`^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$`)

func isIdentifier(s string) bool { return len(s) <= 76 && identifier.MatchString(s) }

// isBootstrap reports whether a field is there that only BootstrapParams has.
func isBootstrap(b []byte) (found bool, err error) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeField(b)
		if n < 0 {
			return false, fmt.Errorf("%w: %v", errMalformed, protowire.ParseError(n))
		}
		found = found || num == 3 && typ == protowire.VarintType || num >= 4 && num <= 9 && typ == protowire.BytesType
		b = b[n:]
	}
	return found, nil
}

// readOptions returns the Options, nil if none were sent (docs/contract.md, R1 to R4c).
func readOptions(payload []byte) (*options.Options, error) {
	if len(payload) == 0 { // R1
		return nil, nil
	}
	found, err := isBootstrap(payload)
	if err != nil { // R2
		return nil, err
	}
	if found { // R3
		params, err := parse(payload, new(bootstrap.BootstrapParams))
		if err != nil {
			return nil, err
		}
		for _, extension := range params.GetExtensions() {
			if namesOptions(extension.GetValue()) {
				return parse(extension.GetValue().GetValue(), new(options.Options))
			}
		}
		return nil, nil
	}
	legacy, err := parse(payload, new(anypb.Any))
	if err != nil { // R4
		return nil, err
	}
	if namesOptions(legacy) { // R4a
		return parse(legacy.GetValue(), new(options.Options))
	}
	if isIdentifier(legacy.GetTypeUrl()) && isIdentifier(string(legacy.GetValue())) { // R4b
		if _, err := parse(payload, new(bootstrap.BootstrapParams)); err == nil {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", errForeign, legacy.GetTypeUrl()) // R4c
}

func answer(payload []byte) protocol.Answer {
	opts, err := readOptions(payload)
	switch {
	case errors.Is(err, errMalformed):
		return protocol.Answer{Outcome: "error/malformed", Detail: []byte(err.Error())}
	case errors.Is(err, errForeign):
		return protocol.Answer{Outcome: "error/foreign", Detail: []byte(err.Error())}
	case opts == nil:
		return protocol.Answer{Outcome: protocol.None}
	}
	return protocol.Encoded(proto.Marshal(opts))
}

func main() { protocol.Main(answer) }
