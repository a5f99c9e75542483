// Command rustextensions reads payloads as the async API of containerd's
// rust-extensions does, on which shims in Rust are built. It is written from the
// behaviour of the crate containerd-shim, which is Rust, and has none of its code.
package main

import "shimfuzz/lab/conformance/protocol"

func main() { protocol.Main(answer) }

// answer says what becomes of a payload. Of the options start uses the cgroup alone,
// so options without one are none.
func answer(payload []byte) protocol.Answer {
	cgroup, err := readCgroup(payload)
	switch {
	case err != nil:
		return protocol.Failed(err)
	case cgroup == "":
		return protocol.Answer{Outcome: protocol.None}
	}
	return protocol.Answer{Outcome: protocol.Options, Detail: encoded(cgroup)}
}
