// Package windows runs the real shims, built for Windows, and requires that they do
// what their decoders answer: the extracted readOptions for runhcs-v1, the model
// findings.LCOWAnswer for lcow-v2.
//
// What a shim did is read from its output and its exit code. The tests run serve
// with an invalid socket, so that it ends right after it has read the options:
// with the error of reading them, with an error about an invalid log level among
// them, or, if it accepts them, with an error about the socket.
//
// The call Create of runhcs-v1, and -info of lcow-v2, get bare Anys, and must do what
// the contract says of those. The client (package client) makes the calls.
//
// The command "make -C lab e2e" builds the shims, prepares Wine and runs the tests of
// this package. Without it the tests that need the shims are skipped.
package windows

// Settings are those of the tests that run the real shims, as settings.Test.Lab.
type Settings struct {
	Shims  string // folder with the shims built for Windows
	Wine   string // prefix of the Wine that they run under
	Case   string // the one payload to give them; "" is the corpus and generated ones
	Seed   int    // of the generated payloads
	Checks int    // how many of those
}
