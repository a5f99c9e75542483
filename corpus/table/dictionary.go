package table

import (
	"bytes"
	"fmt"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// Separator stands between the parts of an input of libFuzzer's, whose inputs
// are plain bytes. A separator, unlike lengths in front, leaves a part what it
// was when another part grows, and makes a lone payload an input of every
// target that takes one.
const Separator = "\xff\xfe<|>"

// dictionary is what a mutating fuzzer would hardly find by itself, in
// libFuzzer's format (https://llvm.org/docs/LibFuzzer.html#dictionaries): the short tokens
// of the grammar.
func dictionary() []byte {
	var b bytes.Buffer
	b.WriteString("# Written by make corpus.\n")
	line := func(name string, text []byte) {
		fmt.Fprintf(&b, "%s=\"", name)
		for _, c := range text {
			if c >= ' ' && c <= '~' && !strings.ContainsRune(`"\`, rune(c)) {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		}
		b.WriteString("\"\n")
	}
	line("separator", []byte(Separator))
	line("extension", wire.Message{extension(contract.OptionsName, nil)}.Encode())
	const longest = 40 // bytes; libFuzzer's own limit is 64
	seen := make(map[string]bool)
	for _, place := range grammar.RunHCS.Contexts() {
		for _, e := range grammar.RunHCS.Tokens(place.Level) {
			if !e.Single && len(e.Bytes) > 0 && len(e.Bytes) <= longest && !seen[string(e.Bytes)] {
				seen[string(e.Bytes)] = true
				line(fmt.Sprintf("%s_%d", place.Level, len(seen)), e.Bytes)
			}
		}
	}
	return b.Bytes()
}
