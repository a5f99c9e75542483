// Package windows runs the real shims, built for Windows, and requires that they do
// what their decoders answer: the extracted readOptions and CreateTask for runhcs-v1, the
// contract and the known findings for lcow-v2. README.md says how.
package windows

// Namespace is in the names of the pipes of the shims, and so is their ID.
const Namespace = "shimfuzz"

// Flags are what stands on a shim's command line before the command.
func Flags(id string) []string {
	return []string{"-namespace", Namespace, "-address", "a", "-publish-binary", "b", "-id", id}
}

// Client is the file of the client, which stands beside the shims. It is a program that
// starts shims and calls their API as containerd does: it reads an Order, and writes a
// Reply for each of its options, all as JSON.
const Client = "client.exe"

// Order is what the client does: start a shim, and another after each that ends, and
// call its Create.
type Order struct {
	Shim    string   // path of the executable file
	ID      string   // of the shims, with a number after it
	Stdin   []byte   // of start; it must set the level of the shims' logs to debug
	Options [][]byte // for each Create, the bytes of the request's field options, an Any; nil is no such field
}

// Reply is what a shim did when its Create was called.
type Reply struct {
	Err      string // its answer; "" is success
	Alive    bool   // after its answer it answered Connect
	Exit     int    // its exit code, if it is not alive
	PanicLog string // in its bundle, if it is not alive
	Log      string // what it has logged of the call, if it is alive
}
