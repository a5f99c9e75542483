// Package active chooses one of the mutants that are built into a program to be the
// decoder that is tested.
package active

import "shimfuzz/internal/settings"

var hooks []func(settings.Mutant)

// Hook adds what makes a decoder one of its mutants, and the original again for the
// zero Mutant. The mutants' own copies of the decoders' packages call it.
func Hook(become func(settings.Mutant)) { hooks = append(hooks, become) }

// Set chooses a mutant for all decodes from now on.
func Set(m settings.Mutant) {
	for _, become := range hooks {
		become(m)
	}
}
