// Package windows runs the real shims, built for Windows, and requires that they do
// what their decoders answer: the extracted readOptions for runhcs-v1, the model
// findings.LCOWAnswer for lcow-v2. README.md says how.
package windows

// Settings are those of the tests that run the real shims, as settings.Test.Lab.
type Settings struct {
	Shims  string // folder with the shims built for Windows
	Wine   string // prefix of the Wine that they run under
	Case   string // the one payload to give them; "" is the corpus and generated ones
	Seed   int    // of the generated payloads
	Checks int    // how many of those
}

// Client is the file of the client, which stands beside the shims. It is a program that
// starts shims and calls their API as containerd does: it reads an Order, and writes a
// Reply for each of its options, all as JSON.
const Client = "client.exe"

// Order is what the client does: start a shim, and another after each that ends, and
// call its Create.
type Order struct {
	Shim      string   // path of the executable file
	Args      []string // of start, but for the ID
	Namespace string   // in the names of the pipes, and in Args
	ID        string   // of the first shim; the next have a number after it
	Stdin     []byte   // of start
	Log       string   // file to which the shims' logs go, "" is none; Stdin must have set their level to debug

	// Options has, for each Create, the bytes of the request's field options, which is an
	// Any; nil is a request without that field.
	Options [][]byte
}

// Reply is what a shim did when its Create was called.
type Reply struct {
	Err      string // its answer; "" is success
	Closed   bool   // it closed the connection instead of answering
	Alive    bool   // after that it answered Connect, over a new connection
	Exit     int    // its exit code, if it closed the connection
	PanicLog string // in its bundle, if it closed the connection
	Mark     string // what it has logged of this call stands before this
}
