package findings

import (
	"errors"
	"fmt"
	"unicode/utf8"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/recorded"
)

// This file is written from the behaviour of the crate containerd-shim, which is Rust, and
// has none of its code. Both the reader and the predictions use it.

// CgroupField is the number of shim_cgroup in runc's Options.
const CgroupField = 3

// The fields that must be UTF-8, and those whose value must fit into 32 bits.
var (
	anyStrings     = map[protowire.Number]bool{1: true}
	optionsStrings = map[protowire.Number]bool{CgroupField: true, 6: true, 7: true, 10: true, 11: true, 12: true}
	optionsUint32  = map[protowire.Number]bool{4: true, 5: true, 13: true}
)

// RustCgroup returns the cgroup that start of rust-extensions' async API adds the shim to,
// "" for none: that of the value of an Any, of whatever type. This is
// set_cgroup_and_oom_score in crates/shim/src/cgroup.rs, of which every error ends start.
func RustCgroup(payload []byte) (string, error) {
	return new(crate).cgroup(payload)
}

func (c *crate) cgroup(payload []byte) (string, error) {
	value, err := c.lastField(payload, 2, anyStrings, nil)
	if err != nil {
		return "", err
	}
	cgroup, err := c.lastField(value, CgroupField, optionsStrings, optionsUint32)
	return string(cgroup), err
}

// rustAnswer is what rust-extensions makes of a payload: Options if they have a cgroup,
// and none if not. unmatched says that another group's end has closed a group.
func rustAnswer(b []byte) (got contract.Outcome, unmatched bool) {
	var c crate
	cgroup, err := c.cgroup(b)
	switch {
	case err == errEOF: // which has another name for some lengths
		return failed, false
	case err != nil:
		return contract.Outcome{Kind: contract.Error, Err: err}, false
	case cgroup == "":
		return none, c.unmatched
	}
	return contract.Outcome{Kind: contract.Options}, c.unmatched
}

// namespaceRefused predicts that a namespace is refused that is not protobuf. In every
// recording it is k8s.io, whose third byte is no tag.
func namespaceRefused(_ List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	got, _ := rustAnswer(b)
	return got, got.Kind.IsError() && stdin.IsBootstrap(b)
}

// namespaceIsOptions predicts that a namespace which is protobuf stands in for the options.
func namespaceIsOptions(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	got, _ := rustAnswer(b)
	return got, !got.Kind.IsError() && stdin.IsBootstrap(b) && !want.Kind.IsError()
}

// typeURLIgnored predicts that an Any of options of another type is read as runc's.
func typeURLIgnored(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	got, _ := rustAnswer(b)
	return got, !got.Kind.IsError() && want.Kind == contract.Foreign
}

// groupEndsUnmatched predicts that an Any is read whose groups have the ends of others.
func groupEndsUnmatched(_ List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	got, unmatched := rustAnswer(b)
	return got, unmatched && want.Kind == contract.Malformed && !stdin.IsBootstrap(b)
}

// inNamespace makes BootstrapParams with runc's Options of a container in a namespace.
func inNamespace(namespace string) func() []byte {
	return func() []byte {
		p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: namespace, ContainerdVersion: "v2.4.2"}
		options := wire.Message{wire.String(CgroupField, recorded.RuncMarker)}.Encode()
		return grammar.Start(recorded.OrdinaryShim, p, RuncOptions, options)
	}
}

// lastField decodes a message and returns the last occurrence of one length-delimited
// field.
func (c *crate) lastField(message []byte, number protowire.Number,
	texts, uint32s map[protowire.Number]bool) (last []byte, err error) {
	c.rest = message
	for len(c.rest) > 0 {
		n, typ, err := c.tag()
		if err != nil {
			return nil, err
		}
		switch {
		case typ == protowire.BytesType && (n == number || texts[n]):
			var b []byte
			if b, err = c.bytes(); err == nil && texts[n] && !utf8.Valid(b) {
				err = errors.New("Utf8Error")
			}
			if n == number {
				last = b
			}
		case typ == protowire.VarintType && uint32s[n]:
			_, err = c.varint(5, 32)
		default:
			err = c.skip(n, typ, 0)
		}
		if err != nil {
			return nil, err
		}
	}
	return last, nil
}

// The errors of the crate protobuf have the names that it prints. errEOF is
// TruncatedMessage for some lengths.
var errEOF = errors.New("UnexpectedEof")

// maxDepth is how many groups may stand within an unknown group.
const maxDepth = 100

// crate reads wire format as the crate protobuf 3.7.2 does, for all that an answer
// depends on. It differs from other decoders in this: a tag or a length has at most
// five bytes, a varint at most 64 bits, and the number of a group's end is not compared
// with that of its start. Where a group within a group has no end, the end of the
// input is one; the outermost group still needs its own.
type crate struct {
	rest      []byte
	unmatched bool // the end of another group has closed one
}

// varint reads a varint of at most so many bytes and bits.
func (c *crate) varint(bytes, bits int) (uint64, error) {
	v, n := protowire.ConsumeVarint(c.rest[:min(len(c.rest), bytes)])
	switch {
	case n < 0 && len(c.rest) < bytes:
		return 0, errEOF
	case n < 0 || v>>bits != 0:
		return 0, errors.New("IncorrectVarint")
	}
	c.rest = c.rest[n:]
	return v, nil
}

// bytes reads a length and as many bytes.
func (c *crate) bytes() ([]byte, error) {
	n, err := c.varint(5, 32)
	if err != nil {
		return nil, err
	}
	return c.take(n)
}

func (c *crate) take(n uint64) ([]byte, error) {
	if n > uint64(len(c.rest)) {
		return nil, errEOF
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b, nil
}

func (c *crate) tag() (protowire.Number, protowire.Type, error) {
	tag, err := c.varint(5, 32)
	n, typ := protowire.DecodeTag(tag)
	if err == nil && (n == 0 || typ > protowire.Fixed32Type) {
		err = fmt.Errorf("IncorrectTag(%d)", tag)
	}
	return n, typ, err
}

// skip skips the value of an unknown field within so many groups.
func (c *crate) skip(n protowire.Number, typ protowire.Type, groups int) (err error) {
	switch typ {
	case protowire.VarintType:
		_, err = c.varint(10, 64)
	case protowire.Fixed64Type:
		_, err = c.take(8)
	case protowire.Fixed32Type:
		_, err = c.take(4)
	case protowire.BytesType:
		_, err = c.bytes()
	case protowire.StartGroupType:
		err = c.skipGroup(n, groups)
	case protowire.EndGroupType:
		err = errors.New("UnexpectedWireType(EndGroup)")
	}
	return err
}

// skipGroup skips the fields of group n within so many others, to its end. One within a
// group ends with the input, too.
func (c *crate) skipGroup(n protowire.Number, groups int) error {
	if groups > maxDepth {
		return errors.New("OverRecursionLimit")
	}
	for groups == 0 || len(c.rest) > 0 {
		field, typ, err := c.tag()
		if err != nil || typ == protowire.EndGroupType {
			c.unmatched = c.unmatched || field != n
			return err
		}
		if err := c.skip(field, typ, groups+1); err != nil {
			return err
		}
	}
	return nil
}
