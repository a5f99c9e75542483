// Package matrix computes which containerd works with which shim: what each
// reader (package readers) answers to what each containerd was recorded to send
// (corpus/table), what an operator sees of that, and whether it is right.
//
// A Row is a reader, a Cell is a reader and a sender, an Answer is one payload.
package matrix
