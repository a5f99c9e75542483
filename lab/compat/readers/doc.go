// Package readers builds the programs that read a shim's standard input: each
// release of hcsshim's shims, the functions that containerd offers to authors of
// shims, containerd's own shim, rust-extensions' behaviour in Go, and the reference. All
// use the protocol of package protocol. Each that runs a release's code is a module of
// its own, which links the versions that the release requires.
package readers
