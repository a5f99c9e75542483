// Package order has what the daemon is told and answers, and what the stand-in saves, each
// as JSON. It is built into both.
package order

// Order is what the daemon is to do.
type Order struct {
	Dir         string // has config.toml; the daemon's folders, and the stand-in's socket, are made there
	Namespace   string
	ID          string // of each container and sandbox
	GRPC, TTRPC string // containerd's addresses, for a manager of shims that is asked alone
	Requests    []Request
}

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
	Args  []string
	Env   []string
	Stdin []byte // nil for none, which is /dev/null
}
