package corpus_test

import (
	"fmt"

	"shimfuzz/corpus"
)

// A case has the bytes on standard input and the right answer to them.
func ExampleLoad() {
	cases, err := corpus.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range cases {
		if c.Name == "ambiguous_legacy_value_h2" {
			fmt.Printf("%x\n%v\n", c.Payload.Bytes, c.Payload.Want)
		}
	}
	// Output:
	// 0a1c636f6e7461696e6572642e72756e6863732e76312e4f7074696f6e7312026832
	// options default_vm_scratch_size_in_gb:50
}
