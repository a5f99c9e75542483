// Package order has what containerd's manager of shims is told, and what a stand-in for a shim
// saves, each as JSON. It is built into the program that is both.
package order

import "encoding/hex"

// The container of every recording, and what starts its shim: Home has its binary, and the
// shims'.
const (
	ID        = "web-1"
	Namespace = "k8s.io"
	Home      = "/tmp/shimfuzz-recorder"
	Binary    = "containerd" // by whose name containerd's own is sent
	GRPC      = `\\.\pipe\containerd-containerd`
	TTRPC     = `\\.\pipe\containerd-containerd.ttrpc`
)

// Request is what containerd is asked to do.
type Request struct {
	Shim      string `json:"shim"`    // base name of the binary
	Action    string `json:"action"`  // start, delete or info
	Options   string `json:"options"` // name of the runtime options
	LogLevel  string `json:"log_level"`
	SocketDir string `json:"socket_dir,omitempty"`
}

// Start is a request with its options.
type Start struct {
	Request
	Type  string // full name of the options' message; "" for no options
	Value []byte
}

// Seen is what the stand-in is started with.
type Seen struct {
	Args  []string `json:"args"`
	Env   []string `json:"env"`            // what containerd adds to its own, which is empty
	Stdin Hex      `json:"stdin,omitzero"` // nil for none, which is /dev/null
}

// Hex is bytes that JSON has as hexadecimal digits; nil stands for none.
type Hex []byte

// MarshalText returns the digits.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads the digits.
func (h *Hex) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(Hex{}, text)
	return err
}
