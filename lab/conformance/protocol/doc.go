// Package protocol is the reader's side of make -C lab conformance: the protocol of a
// process that is given payloads and answers what it decodes from each.
//
// The process reads frames from its standard input until that ends. A frame is a
// length of four bytes, the most significant first, and that many bytes. Each is a
// payload, exactly as a shim finds it on its own standard input. The process
// answers each on its standard output with one frame, which is the outcome, a line
// feed, and the detail:
//
//	options\n<bytes>    the decoded Options, encoded again
//	none\n              no options were sent: the shim uses its defaults
//	error\n<text>       with the message of the shim; also error/malformed, error/foreign, error/read
//	panic\n<text>       if the process can report it; one that ends counts as this, too
//	unable\n<text>      the reader cannot be run on this system, and why
//
// The text of an error must not be empty. The Options are encoded without the
// fields that the reader does not know, so that the fields that it drops are
// missing from its answer.
//
// A process may be sent further payloads before it has answered the first. It answers
// in the order of the payloads, and flushes its output before it waits for input.
//
// A reader that has not answered ten seconds after its answer before, or after it was
// asked, has hung. What the process
// writes to its standard error is shown if it ends before its input does.
//
// The package uses the standard library alone, because it is built into modules
// with old dependencies.
package protocol
