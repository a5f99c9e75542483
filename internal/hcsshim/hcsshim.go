// Package hcsshim is the decoder under test: the readOptions of a real
// containerd-shim-runhcs-v1, with the protobuf types its binary links.
//
// hcsshim keeps readOptions unexported, in package main, in a file for Windows
// only. "go generate" extracts it, with every declaration it reaches, into
// zz_readoptions.go in this folder. That file is ignored by git: hcsshim's
// text is never committed. Without it this package compiles all the same and
// every decode fails with ErrNotExtracted.
package hcsshim

import (
	"errors"
	"io"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

//go:generate go run shimfuzz/cmd/shimfuzz extract

// ErrNotExtracted is what decoding fails with until hcsshim has been extracted.
var ErrNotExtracted = errors.New("hcsshim's readOptions has not been extracted: run 'go generate ./...' or any make target")

// underTest is filled in by the init function of zz_readoptions.go.
var underTest struct {
	readOptions  func(io.Reader) (*options.Options, error)
	readLaunched func(r io.Reader, id, namespace string) (*options.Options, error) // in place of readOptions
	version      string
	source       string
	dir          string
}

// Ready reports whether there is a decoder to test; its error is ErrNotExtracted.
func Ready() error {
	if underTest.readOptions == nil && !TakesLaunch() {
		return ErrNotExtracted
	}
	return nil
}

// TakesLaunch reports whether the readOptions under test takes the ID and the namespace
// of the shim's command line, too.
func TakesLaunch() bool { return underTest.readLaunched != nil }

// ReadLaunched is ReadOptions of a shim with this command line, if TakesLaunch.
func ReadLaunched(r io.Reader, id, namespace string) (*options.Options, error) {
	return underTest.readLaunched(r, id, namespace)
}

// ReadOptions decodes what a shim finds on its standard input with the
// extracted readOptions of the hcsshim under test, unless TakesLaunch.
func ReadOptions(r io.Reader) (*options.Options, error) {
	if underTest.readOptions == nil {
		return nil, ErrNotExtracted
	}
	return underTest.readOptions(r)
}

// Version is the released version under test ("v0.15.0"), or "" for a checkout.
func Version() string { return underTest.version }

// Name is what the user calls what is under test: a version, or a checkout's path.
func Name() string { return underTest.source }

// Dir is the folder that a checkout under test was extracted from.
func Dir() string { return underTest.dir }
