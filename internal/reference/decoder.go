package reference

import (
	"bytes"
	"errors"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
)

// Decoder is ReadOptions as a decoder under test.
var Decoder = decoder.Decoder{Name: "reference", Read: ReadOptions, Classify: kind}

// kind returns the kind of the error that err wraps.
func kind(err error) contract.Kind {
	switch {
	case errors.Is(err, ErrRead):
		return contract.Read
	case errors.Is(err, ErrMalformed):
		return contract.Malformed
	case errors.Is(err, ErrForeign):
		return contract.Foreign
	}
	return contract.Error
}

// Answer is what the reference makes of a payload.
func Answer(b []byte) contract.Outcome { return Decoder.Decode(bytes.NewReader(b), b) }
