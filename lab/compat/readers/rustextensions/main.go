// Command rustextensions reads payloads as the async API of containerd's
// rust-extensions does, on which shims in Rust are built.
package main

import (
	"shimfuzz/internal/wire"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/conformance/protocol"
)

func main() { protocol.Main(answer) }

// answer says what becomes of a payload. Of the options start uses the cgroup alone,
// so options without one are none.
func answer(payload []byte) protocol.Answer {
	cgroup, err := findings.RustCgroup(payload)
	switch {
	case err != nil:
		return protocol.Failed(err)
	case cgroup == "":
		return protocol.Answer{Outcome: protocol.None}
	}
	return protocol.Answer{Outcome: protocol.Options, Detail: wire.String(findings.CgroupField, cgroup).Append(nil)}
}
