package findings

import (
	"bytes"
	"errors"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// The predictions below are for rust-extensions, which decodes field 2 of whatever
// message it is given as runc's Options, and uses their cgroup.

// cgroupField is the number of shim_cgroup in runc's Options.
const cgroupField = 3

// asRuncOptions is what rust-extensions makes of the value of an Any: Options if they
// have a cgroup, and none if not. It is false if the value does not decode.
func asRuncOptions(value []byte) (contract.Outcome, bool) {
	fields, rest := wire.Parse(value)
	got := none
	for _, f := range fields {
		if f.Num == cgroupField && f.Type == protowire.BytesType {
			got = none
			if len(f.Value) > 0 {
				got = contract.Outcome{Kind: contract.Options}
			}
		}
	}
	return got, len(rest) == 0
}

// namespaceRefused predicts that a namespace is refused that is not protobuf. In every
// recording it is k8s.io, whose third byte is no tag.
func namespaceRefused(_ List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	_, namespace := stdin.AnyParts(b)
	if _, decodes := asRuncOptions(namespace); decodes || !stdin.IsBootstrap(b) {
		return contract.Outcome{}, false
	}
	if string(namespace) == "k8s.io" {
		return contract.Outcome{Kind: contract.Error, Err: errors.New("IncorrectTag(46)")}, true
	}
	return failed, true
}

// namespaceIsOptions predicts that a namespace which is protobuf stands in for the options.
func namespaceIsOptions(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	_, namespace := stdin.AnyParts(b)
	got, decodes := asRuncOptions(namespace)
	return got, decodes && stdin.IsBootstrap(b) && !want.Kind.IsError()
}

// typeURLIgnored predicts that an Any of options of another type is read as runc's.
func typeURLIgnored(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	_, value := stdin.AnyParts(b)
	got, decodes := asRuncOptions(value)
	return got, decodes && want.Kind == contract.Foreign
}

// groupEndsUnmatched predicts the answer to the same Any with the numbers of the ends
// of its own groups corrected, not of those in its value.
func groupEndsUnmatched(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	matched := slices.Clone(b)
	matchGroupEnds(matched)
	_, rest := wire.Parse(matched)
	_, value := stdin.AnyParts(matched)
	got, decodes := asRuncOptions(value)
	return got, want.Kind == contract.Malformed && !stdin.IsBootstrap(b) && len(rest) == 0 && decodes &&
		!bytes.Equal(matched, b)
}

// matchGroupEnds gives the end of each group in a message its start's number, if both
// take as many bytes. It stops at any other fault.
func matchGroupEnds(b []byte) {
	var open []protowire.Number
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ == protowire.EndGroupType && len(open) == 0 {
			return
		}
		switch typ {
		case protowire.StartGroupType:
			open = append(open, num)
		case protowire.EndGroupType:
			start := protowire.EncodeTag(open[len(open)-1], typ)
			if protowire.SizeVarint(start) <= n {
				copy(b, wire.WideVarint(start, n))
			}
			open = open[:len(open)-1]
		default:
			m := protowire.ConsumeFieldValue(num, typ, b[n:])
			if m < 0 {
				return
			}
			n += m
		}
		b = b[n:]
	}
}

// inNamespace makes BootstrapParams with runc's Options of a container in a namespace.
func inNamespace(namespace string) func() []byte {
	return func() []byte {
		d := grammar.Daemon{Version: "v2.4.2"}
		options := wire.Message{wire.String(cgroupField, table.RuncMarker)}.Encode()
		return d.Start(table.OrdinaryShim, "web-1", namespace, RuncOptions, options)
	}
}
