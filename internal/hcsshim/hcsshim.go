// Package hcsshim is the decoder under test: the readOptions of a real
// containerd-shim-runhcs-v1, with the protobuf types its binary links.
//
// hcsshim keeps readOptions unexported, in package main, in a file for Windows
// only. "go generate ./internal/hcsshim" extracts it, with every declaration it
// reaches, into a module below build/ that git ignores: hcsshim's text is never
// committed. A workspace joins that module to this one. Without it all the same
// packages compile, and every decode fails with ErrNotExtracted.
package hcsshim

import (
	"errors"
	"io"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

//go:generate go run shimfuzz/cmd/shimfuzz extract

// ErrNotExtracted is what decoding fails with until hcsshim has been extracted.
var ErrNotExtracted = errors.New("hcsshim's readOptions has not been extracted: run make extract, or go generate " +
	"./internal/hcsshim")

// UnderTest is the extracted decoder, and where it is from.
type UnderTest struct {
	ReadOptions func(io.Reader) (*options.Options, error)
	Version     string // the released version, "" for a checkout
	Source      string // what the user calls it: a version, or a checkout's path
	Dir         string // the folder that it was extracted from
	Build       string // the folder for what belongs to this hcsshim alone
	Creates     []Create
}

// Create is a place in hcsshim that decodes the options of a CreateTaskRequest.
type Create struct {
	File string // of hcsshim's, that it is in
	// Read decodes the options of a request whose Any has the bytes that r delivers.
	// Without bytes the request has no Any.
	Read func(r io.Reader) (*options.Options, error)
}

var underTest = UnderTest{ReadOptions: func(io.Reader) (*options.Options, error) { return nil, ErrNotExtracted }}

// Register puts a decoder under test. The extracted module calls it when it is linked.
func Register(u UnderTest) { underTest = u }

// Current is what is under test, without a Source if there is none.
func Current() UnderTest { return underTest }
