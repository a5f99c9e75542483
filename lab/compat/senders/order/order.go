// Package order has what the daemon is told and answers, and what the stand-in saves, each
// as JSON. It is built into both.
package order

// Order is what the daemon is to do.
type Order struct {
	Config      string // file
	Root, State string // the daemon's folders
	Seen        string // file to which the stand-in adds a line each time that it is started
	Socket      string // where the stand-in's services are
	Namespace   string
	ID          string // of each container and sandbox
	Manager     Manager
	Requests    []Request
}

// Manager is the configuration of a manager of shims that is asked alone.
type Manager struct {
	Root, State string
	GRPC, TTRPC string // containerd's addresses
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
	Handler string // runtime of the configuration
	Runtime string // type
	Type    string // of the options that CRI makes; "" for none
	Value   []byte
	Error   string // of CRI or of the daemon
	Seen    []Seen // starts of the stand-in
	Calls   []Call // made to it
}

// Seen is what the stand-in is started with.
type Seen struct {
	Args  []string
	Env   []string
	Stdin []byte // nil for none, which is /dev/null
}

// Call is a call of the stand-in's services.
type Call struct {
	Method  string
	Request []byte
}
