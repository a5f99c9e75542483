package handwritten

import (
	"io"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// CreateBugs are those that can be in what decodes CreateTaskRequest.Options: an
// Any that is there as a whole.
var CreateBugs = slices.Concat(slices.DeleteFunc(slices.Concat(families, typeURLs, values, results, costs), isOfStdin),
	creates)

func isOfStdin(b Bug) bool { return slices.Contains(ofStdin, b.Name) }

// ofStdin are the bugs that need a reader, BootstrapParams, or the choice between
// them and an Any; and two that are right where no Any means empty Options.
var ofStdin = []string{
	"any-that-decodes-wins", "params-only", "any-only", "params-by-version-field", "params-by-extensions-field",
	"params-by-a-byte", "params-by-order",
	"unknown-ambient-refused", "debug-from-log-level", "proxy-from-address", "id-in-registry-root",
	"moby-has-own-defaults",
	"input-aliased", "input-decrypted-in-place", "decoded-for-each-extension",
	"nothing-is-empty-options", "empty-stdin-is-empty-options",
}

// creates are bugs that a readOptions cannot have.
var creates = []Bug{
	{"foreign-is-unset",
		"The assertion was made one with ok, for it had crashed the shim, and without an error for the other case.",
		func(next Read) Read {
			return func(r io.Reader) (*options.Options, error) {
				b, err := io.ReadAll(r)
				if err == nil && isLinkedForeign(b) { // where next may panic
					return new(options.Options), nil
				}
				return decode(next, b, err)
			}
		}},
	{"no-value-panics", "The first byte of the value was looked at, for a log: every Any that was tried had one.",
		payloads(func(b []byte) []byte {
			var any anypb.Any
			if len(b) > 0 && proto.Unmarshal(b, &any) == nil {
				_ = any.Value[0]
			}
			return b
		})},
}

// isLinkedForeign reports whether an Any has another type that is linked, and decodes.
func isLinkedForeign(b []byte) bool {
	var any anypb.Any
	if proto.Unmarshal(b, &any) != nil {
		return false
	}
	m, err := any.UnmarshalNew()
	_, isOptions := m.(*options.Options)
	return err == nil && !isOptions
}
