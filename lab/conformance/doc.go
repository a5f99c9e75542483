// Package conformance holds a reader in a process of its own to the contract, and tells
// the author of the reader, in any language, what it answers instead of what, and why.
package conformance
