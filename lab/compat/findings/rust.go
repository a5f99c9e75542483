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
// unmatched says that another group's end has closed a group.
func RustCgroup(payload []byte) (cgroup string, unmatched bool, err error) {
	c := crate{rest: payload}
	value, err := c.last(2, anyStrings, nil)
	if err == nil {
		c.rest = value
		value, err = c.last(CgroupField, optionsStrings, optionsUint32)
	}
	return string(value), c.unmatched, err
}

// rust is rust-extensions: Options if they have a cgroup, and none if not.
var rust model = func(_ List, b []byte) contract.Outcome {
	switch cgroup, _, err := RustCgroup(b); {
	case err == errEOF: // which has another name for some lengths
		return failed
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

// groupEndsUnmatched is an Any whose groups have the ends of others.
func groupEndsUnmatched(b []byte, want, _ contract.Outcome) bool {
	_, unmatched, _ := RustCgroup(b)
	return unmatched && want.Kind == contract.Malformed && !stdin.IsBootstrap(b)
}

// inNamespace makes BootstrapParams with runc's Options of a container in a namespace.
func inNamespace(namespace string) func() []byte {
	return func() []byte {
		p := &bootstrap.BootstrapParams{InstanceID: "web-1", Namespace: namespace, ContainerdVersion: "v2.4.2"}
		options := wire.Message{wire.String(CgroupField, recorded.RuncMarker)}.Encode()
		return grammar.Start(recorded.OrdinaryShim, p, RuncOptions, options)
	}
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

// last reads a message and returns the last occurrence of one length-delimited field.
func (c *crate) last(number protowire.Number, texts, uint32s map[protowire.Number]bool) (last []byte, err error) {
	for len(c.rest) > 0 {
		n, typ, value, err := c.field(0, uint32s)
		switch {
		case err != nil:
			return nil, err
		case typ == protowire.BytesType && texts[n] && !utf8.Valid(value):
			return nil, errors.New("Utf8Error")
		case typ == protowire.BytesType && n == number:
			last = value
		}
	}
	return last, nil
}

// field reads a field within so many groups, and returns the value of a length-delimited one.
func (c *crate) field(groups int, uint32s map[protowire.Number]bool) (n protowire.Number, typ protowire.Type,
	value []byte, err error) {
	tag, err := c.varint(5, 32)
	n, typ = protowire.DecodeTag(tag)
	switch {
	case err != nil:
	case n == 0 || typ > protowire.Fixed32Type:
		err = fmt.Errorf("IncorrectTag(%d)", tag)
	case typ == protowire.VarintType && uint32s[n]:
		_, err = c.varint(5, 32)
	case typ == protowire.VarintType:
		_, err = c.varint(10, 64)
	case typ == protowire.Fixed32Type:
		_, err = c.take(4)
	case typ == protowire.Fixed64Type:
		_, err = c.take(8)
	case typ == protowire.BytesType:
		var size uint64
		if size, err = c.varint(5, 32); err == nil {
			value, err = c.take(size)
		}
	case typ == protowire.StartGroupType:
		err = c.group(n, groups)
	case groups == 0:
		err = errors.New("UnexpectedWireType(EndGroup)")
	}
	return n, typ, value, err
}

// group reads the fields of group n within so many others, to its end. One within a
// group ends with the input, too.
func (c *crate) group(n protowire.Number, groups int) error {
	if groups > maxDepth {
		return errors.New("OverRecursionLimit")
	}
	for groups == 0 || len(c.rest) > 0 {
		field, typ, _, err := c.field(groups+1, nil)
		if err != nil || typ == protowire.EndGroupType {
			c.unmatched = c.unmatched || field != n
			return err
		}
	}
	return nil
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

func (c *crate) take(n uint64) ([]byte, error) {
	if n > uint64(len(c.rest)) {
		return nil, errEOF
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b, nil
}
