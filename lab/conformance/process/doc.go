// Package process runs a reader as a process and puts payloads to it by the
// protocol of package protocol.
package process
