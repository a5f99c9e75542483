// Package differential checks the suite's oracle, the reference, against readers that are
// built on other protobuf engines: on everything small, and on payloads that are mutated.
package differential
