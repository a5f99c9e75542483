package handwritten

import (
	"runtime"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// costs are bugs that give the right answer, but late.
var costs = []Bug{
	{"buffer-of-1-mib", "Large enough for everything, so nothing ever has to grow.",
		payloads(func(b []byte) []byte {
			runtime.KeepAlive(make([]byte, 1<<20))
			return b
		})},
	{"copied-for-each-field", "append of the rest, at each field: quadratic.",
		payloads(func(b []byte) []byte {
			for rest := b; len(rest) > 0; {
				_, _, n := protowire.ConsumeField(rest)
				n = max(1, n)
				rest = append([]byte{}, rest[min(n, len(rest)):]...)
			}
			return b
		})},
	{"decoded-for-each-extension", "FindExtension in a loop over the extensions: quadratic.",
		payloads(func(b []byte) []byte {
			all := paramsOf(b).GetExtensions()
			total := 0
			for range all {
				for _, e := range all {
					total += len(e.GetValue().GetTypeUrl())
				}
			}
			runtime.KeepAlive(total)
			return b
		})},
	{"annotations-searched", "A list of pairs instead of a map, searched for each key: quadratic.",
		fields(func(o *options.Options) {
			var keys []string
			for k := range o.DefaultContainerAnnotations {
				if !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
		})},
	{"unknown-fields-joined", "A string with the unknown fields for the log, made with +=: quadratic.",
		payloads(func(b []byte) []byte {
			s := ""
			all, _ := wire.Parse(stdin.OptionsBytes(b))
			for _, f := range all {
				if f.Num > 20 {
					s += string(f.Raw)
				}
			}
			runtime.KeepAlive(s)
			return b
		})},
	{"length-trusted", "A buffer as large as the message's first field says it is.",
		payloads(func(b []byte) []byte {
			if _, typ, n := protowire.ConsumeTag(b); n > 0 && typ == protowire.BytesType {
				if size, m := protowire.ConsumeVarint(b[n:]); m > 0 {
					runtime.KeepAlive(make([]byte, min(size, 1<<31))) // the bug has no limit; the machine has
				}
			}
			return b
		})},
	{"empty-field-hangs", "at += len(value), where the tag's length was forgotten: for ever at a field of nothing.",
		payloads(func(b []byte) []byte {
			all, rest := wire.Parse(b)
			for len(rest) == 0 && len(all) > 0 {
				if len(all[0].Value) > 0 {
					all = all[1:]
				}
			}
			return b
		})},
}
