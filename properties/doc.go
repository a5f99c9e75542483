// Package properties holds what every readOptions must guarantee, as rapid
// properties and as the replay of the corpus, on the reference decoder and on
// the hcsshim under test.
//
//	corpus_test.go       every case of the corpus, and what its classes share
//	findings_test.go     every known finding still does what it says
//	payload_test.go      valid, legacy, malformed and foreign payloads
//	equivalence_test.go  two encodings of the same, row by row of the contract
//	identity_test.go     identities that make one message look like the other
//	reader_test.go       how the bytes are delivered, and readers that fail
//	state_test.go        sharing between calls, results and inputs
//	cost_test.go         memory and time against the payload's size
//	exhaustive_test.go   everything small: elements, fields, bytes, neighbours, pairs, reads
//	walk_test.go         how that is walked, and what is reported of it
//	extension_test.go    containerd's AddExtension and FindExtension themselves
//
// A failure names the guarantee it breaks, shows the payload, and ends with the
// command that replays it.
package properties
