package table

import (
	"bytes"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/targets"
	"shimfuzz/internal/wire"
)

// dictionary is what a mutating fuzzer would hardly find by itself, in
// libFuzzer's format (https://llvm.org/docs/LibFuzzer.html#dictionaries): tags,
// type URLs, and identities that are both.
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
	for num := protowire.Number(1); num <= 20; num++ {
		line(fmt.Sprintf("varint_%d", num), protowire.AppendTag(nil, num, protowire.VarintType))
		line(fmt.Sprintf("bytes_%d", num), protowire.AppendTag(nil, num, protowire.BytesType))
	}
	line("group_start", protowire.AppendTag(nil, 15, protowire.StartGroupType))
	line("group_end", protowire.AppendTag(nil, 15, protowire.EndGroupType))
	line("separator", []byte(targets.Separator))
	line("minus_one", wire.WideVarint(1<<64-1, 0))
	for i, name := range []string{
		contract.OptionsName, googleapis + contract.OptionsName, "/" + contract.OptionsName, "google.protobuf.Empty",
		"containerd.runc.v1.Options", "runtimeoptions.v1.Options",
	} {
		line(fmt.Sprintf("name_%d", i), []byte(name))
		line(fmt.Sprintf("type_url_%d", i), wire.Message{wire.String(1, name)}.Encode())
	}
	for i, namespace := range []string{"k8s.io", "default", "inference", "p1"} {
		line(fmt.Sprintf("namespace_%d", i), wire.Message{wire.String(2, namespace)}.Encode())
	}
	line("extension", wire.Message{extension(contract.OptionsName, nil)}.Encode())
	return b.Bytes()
}
