// Package hcsshim is the decoder under test: the readOptions of a real
// containerd-shim-runhcs-v1, with the protobuf types its binary links.
//
// hcsshim keeps readOptions unexported, in package main, in a file for Windows only. "make
// extract" extracts it, with every declaration that it reaches, into a module below build/
// that git ignores: hcsshim's text is never committed. A workspace joins that module to this
// one. Without it all the same packages compile, and every decode fails with ErrNotExtracted.
package hcsshim

import (
	"context"
	"errors"
	"io"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

// ErrNotExtracted is what decoding fails with until hcsshim has been extracted.
var ErrNotExtracted = errors.New("hcsshim's readOptions has not been extracted: run make extract, or go run " +
	"./cmd/shimfuzz extract")

// UnderTest is the extracted decoder, and where it is from.
type UnderTest struct {
	ReadOptions func(io.Reader) (*options.Options, error)
	// ReadInContext is ReadOptions in a context, nil if it takes none.
	ReadInContext func(context.Context, io.Reader) (*options.Options, error)
	Version       string // the released version, "" for a checkout
	Source        string // what the user calls it: a version, or a checkout's path
	Dir           string // the folder that it was extracted from
	Build         string // the folder for what belongs to this hcsshim alone
	Creates       []Create
	Constants
}

// Constants are the values that the extracted code names, and hcsshim's annotations: those that
// it may treat specially.
type Constants struct {
	Words   []string
	Numbers []uint64
}

// Create is a place in hcsshim that decodes the options of a CreateTaskRequest.
type Create struct {
	File string // of hcsshim's, that it is in
	// Read decodes the options of a request whose Any has the bytes that r delivers.
	// Without bytes the request has no Any.
	Read func(r io.Reader) (*options.Options, error)
}

var underTest = UnderTest{ReadOptions: func(io.Reader) (*options.Options, error) { return nil, ErrNotExtracted }}

// Register puts a decoder under test. The extracted module calls it when it is linked, with
// ReadInContext alone if the function takes a context.
func Register(u UnderTest) {
	if u.ReadOptions == nil {
		u.ReadOptions = func(r io.Reader) (*options.Options, error) { return u.ReadInContext(context.Background(), r) }
	}
	underTest = u
}

// Current is what is under test, without a Source if there is none.
func Current() UnderTest { return underTest }
