package wire_test

import (
	"fmt"

	"shimfuzz/internal/wire"
)

// A message is written part by part; a part can be wider than it needs to be, or
// no legal field at all.
func ExampleMessage() {
	m := wire.Message{
		wire.Varint(1, 1).WideTag(2),
		wire.String(2, "k"),
		wire.Tag(0, 0), // field number 0 does not exist
	}
	fmt.Printf("%x\n", m.Encode())
	// Output:
	// 88000112016b00
}
