// Package compat tests the interoperation of containerd and shims: Record records
// what each release of containerd sends, Compare asks every reader what it decodes
// from that.
package compat
