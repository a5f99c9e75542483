// Package shims builds hcsshim's shims, the programs that containerd starts, for
// Windows, from the source of the hcsshim under test.
package shims
