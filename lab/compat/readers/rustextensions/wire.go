package main

import (
	"errors"
	"fmt"
)

// The errors of the crate protobuf, by the names that it prints. errEOF is
// TruncatedMessage for some lengths.
var (
	errEOF       = errors.New("UnexpectedEof")
	errVarint    = errors.New("IncorrectVarint")
	errUTF8      = errors.New("Utf8Error")
	errEndGroup  = errors.New("UnexpectedWireType(EndGroup)")
	errRecursion = errors.New("OverRecursionLimit")
)

// The wire types.
const (
	varintType = iota
	fixed64Type
	bytesType
	startGroupType
	endGroupType
	fixed32Type
)

// maxDepth is how many groups may stand within an unknown group.
const maxDepth = 100

// reader reads wire format as the crate protobuf 3.7.2 does, for all that an answer
// depends on. It differs from other decoders in this: a tag or a length has at most
// five bytes, a varint at most 64 bits, and the number of a group's end is not compared
// with that of its start. Where a group within a group has no end, the end of the
// input is one; the outermost group still needs its own.
type reader struct {
	rest  []byte
	depth int
}

// varint32 reads a tag, a length or a uint32.
func (r *reader) varint32() (uint32, error) {
	v, err := r.varint(5, 0x0f)
	return uint32(v), err
}

// varint reads a varint of at most n bytes, of which the nth is at most last.
func (r *reader) varint(n int, last byte) (v uint64, err error) {
	for i, b := range r.rest {
		if i == n-1 && b > last {
			return 0, errVarint
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return v, nil
		}
	}
	return 0, errEOF
}

// bytes reads a length and as many bytes.
func (r *reader) bytes() ([]byte, error) {
	n, err := r.varint32()
	if err != nil {
		return nil, err
	}
	return r.take(int(n))
}

func (r *reader) take(n int) ([]byte, error) {
	if n < 0 || n > len(r.rest) { // an int may have 32 bits
		return nil, errEOF
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, nil
}

// tag reads the tag of a field within a group.
func (r *reader) tag() (uint32, error) {
	tag, err := r.varint32()
	if err != nil {
		return 0, err
	}
	return tag, checkTag(tag)
}

func checkTag(tag uint32) error {
	if tag>>3 == 0 || tag&7 > fixed32Type {
		return fmt.Errorf("IncorrectTag(%d)", tag)
	}
	return nil
}

// skipUnknown skips the field of a message that the message does not know.
func (r *reader) skipUnknown(tag uint32) error {
	if err := checkTag(tag); err != nil {
		return err
	}
	if tag&7 != startGroupType {
		return r.skip(tag)
	}
	return r.skipGroup()
}

// skipGroup skips the fields of a group to its end. One within a group ends with the
// input, too.
func (r *reader) skipGroup() error {
	for r.depth == 0 || len(r.rest) > 0 {
		tag, err := r.tag()
		if err != nil || tag&7 == endGroupType {
			return err
		}
		if err := r.skip(tag); err != nil {
			return err
		}
	}
	return nil
}

// skip skips the value of a field, in a group or out of one.
func (r *reader) skip(tag uint32) (err error) {
	switch tag & 7 {
	case varintType:
		_, err = r.varint(10, 0x01) // of 64 bits
	case fixed64Type:
		_, err = r.take(8)
	case fixed32Type:
		_, err = r.take(4)
	case bytesType:
		_, err = r.bytes()
	case startGroupType:
		err = r.skipInner()
	case endGroupType:
		err = errEndGroup
	}
	return err
}

// skipInner skips a group within a group.
func (r *reader) skipInner() error {
	if r.depth == maxDepth {
		return errRecursion
	}
	r.depth++
	defer func() { r.depth-- }()
	return r.skipGroup()
}
