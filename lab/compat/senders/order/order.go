// Package order has what the daemon is told and answers, and what the stand-in saves, each
// as JSON. It is built into both.
package order

import "encoding/hex"

// The container of every recording, and the daemon that starts its shim, whose binary is in
// Home. SocketDir is the folder for the shims' sockets in the configuration of passages.
const (
	ID        = "web-1"
	Namespace = "k8s.io"
	Home      = "/tmp/shimfuzz-recorder"
	GRPC      = `\\.\pipe\containerd-containerd`
	TTRPC     = `\\.\pipe\containerd-containerd.ttrpc`
	SocketDir = "/run/containerd/s"
)

// Request is one start of a shim.
type Request struct {
	Through string // task, sandbox or manager: what is asked for; "" for the options alone
	Handler string // runtime of the configuration; "" for the next fields
	Runtime string // type
	Path    string // of the shim, in place of the type's
	Type    string // full name of the options' message; "" for no options
	Value   []byte

	// Of a manager.
	Action    string // start, delete or info
	LogLevel  string // "" for info
	SocketDir string // "" for none
}

// Answer is what became of a request.
type Answer struct {
	Runtime string // type
	Type    string // of the options that CRI makes; "" for none
	Value   []byte
	Error   string // of CRI or of the daemon
	Seen    []Seen // starts of the stand-in
	Create  []byte // the last CreateTaskRequest to it; nil for none
}

// Seen is what the stand-in is started with.
type Seen struct {
	Args  []string `json:"args"`
	Env   []string `json:"env"`            // of a recording: what containerd adds to its own
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
