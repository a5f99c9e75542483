package verify

import (
	"shimfuzz/internal/handwritten"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
)

// The decoder under test gets the hand-written bug that the lab names.
func init() {
	t, err := settings.Load()
	if err != nil {
		panic(err)
	}
	u := hcsshim.Current()
	switch t.Decoder {
	case hcsshimName:
		u.ReadOptions = handwritten.Inject(t.Lab, u.ReadOptions)
	case createName:
		for i := range u.Creates {
			u.Creates[i].Read = handwritten.Inject(t.Lab, u.Creates[i].Read)
		}
	case reference.Decoder.Name:
		reference.Decoder.Read = handwritten.Inject(t.Lab, reference.Decoder.Read)
	}
	hcsshim.Register(u)
}
