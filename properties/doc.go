// Package properties holds what every readOptions must guarantee, as rapid
// properties and as the replay of the corpus, on the reference decoder and on
// the hcsshim under test.
//
//	corpus_test.go       every case of the corpus, also cut off at every byte
//	findings_test.go     every known finding still does what it says
//	drawn_test.go        grammar.Properties: valid, equivalent, malformed, foreign and other drawn payloads
//	identity_test.go     identities that make one message look like the other
//	reader_test.go       how the bytes are delivered, and readers that fail
//	context_test.go      contexts that end before, during and after reading
//	state_test.go        sharing between calls, results and inputs
//	cost_test.go         memory and time against the payload's size
//	exhaustive_test.go   the enumeration of everything small: tokens, fields, bytes, single edits, pairs, reads,
//	                     and what the code under test names
//	walk_test.go         how that is done, and what is reported of it
//	extension_test.go    containerd's AddExtension and FindExtension themselves
//
// A failure names the guarantee that it breaks, has the command that replays it, and shows
// the payload.
package properties
