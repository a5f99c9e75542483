// Package calls is the protocol between the tests and the client, the program
// that starts shims and calls their API as containerd does.
//
// The client reads one Setup and then Requests, and writes one Reply for each
// Request before it reads the next: all as JSON, one value a line.
package calls

// Client is the name of the client's file, which stands beside the shims.
const Client = "client.exe"

// Setup is what holds for all requests of one run of the client.
type Setup struct {
	Shim      string   // path of the executable file
	Args      []string // of start, without the ID
	Namespace string   // in the names of the pipes, and in Args
	ID        string   // of the first shim; the next have a number after it
	Stdin     []byte   // of start
	Log       bool     // read the shim's log; Stdin must have set its level to debug
}

// Request is one call of Create.
type Request struct {
	// Options are the bytes of the request's field options, which is an Any; nil
	// is a request without that field.
	Options *[]byte
}

// Reply is what the shim did.
type Reply struct {
	Start    *Start // nil if the shim of the last request was still running
	Create   Answer
	Again    Answer // Connect after it, over a new connection
	Exit     int    // of the shim, if Create closed the connection
	PanicLog string // in the bundle, if Create closed the connection
	Log      string // of the shim, during Create
}

// Start is what the command start of the shim did, and the Connect that followed.
type Start struct {
	Exit           int
	Stdout, Stderr string
	Connect        Answer
}

// Answer is the answer to one call.
type Answer struct {
	Pid    uint32 // of the task, or of the shim
	Err    string // "" is success
	Closed bool   // the shim closed the connection instead of answering
}
