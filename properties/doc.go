// Package properties holds what every readOptions must guarantee, on the reference decoder and
// on the hcsshim under test: the cases of the corpus, rapid properties of drawn payloads
// (drawn_test.go runs those of grammar.Properties), and the enumeration of everything small
// (exhaustive_test.go says of what, walk_test.go how). Each other file is named for what it tests.
//
// A failure names the guarantee that it breaks, has the command that replays it, and shows
// the payload.
package properties
