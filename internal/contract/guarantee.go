package contract

import "fmt"

// Guarantee is a sentence that a shim operator relies on. Every property and
// every finding names one, and every failure quotes it.
type Guarantee struct{ Name, Text string }

func (g Guarantee) String() string { return g.Name + ": " + g.Text }

// The guarantees, from the most to the least basic.
var (
	NeverPanics = Guarantee{"never-panics",
		"No bytes and no reader make the shim panic or hang, or return options together with an error."}
	AsSent = Guarantee{"as-sent",
		"The options that containerd sends arrive field by field, from every containerd, and no options stay none."}
	Equivalent = Guarantee{"equivalent",
		"Two payloads that say the same give identical options, however they are encoded."}
	MalformedFails = Guarantee{"malformed-fails",
		"A damaged payload is an error: the shim never starts with defaults or half of the options."}
	ForeignFails = Guarantee{"foreign-fails",
		"Options of another type are an error: the shim never starts with defaults in their place."}
	NonInterference = Guarantee{"non-interference",
		"The options never depend on the container's ID, its namespace or any other field beside them."}
	RegistryIndependent = Guarantee{"registry-independent",
		"The answer never depends on which protobuf packages happen to be linked in."}
	ReaderFaults = Guarantee{"reader-faults",
		"However the bytes are delivered the answer is the same, and a failing reader is that error."}
	NoSharing = Guarantee{"no-sharing",
		"The same bytes give the same answer on every call and goroutine, and the result keeps no reference to the input."}
	Linear = Guarantee{"linear",
		"Memory and time grow linearly with the payload."}
)

// Guarantees are all of them, in that order.
var Guarantees = []Guarantee{NeverPanics, AsSent, Equivalent, MalformedFails, ForeignFails, NonInterference,
	RegistryIndependent, ReaderFaults, NoSharing, Linear}

// MarshalText is the guarantee's name.
func (g Guarantee) MarshalText() ([]byte, error) { return []byte(g.Name), nil }

// UnmarshalText takes the name of a guarantee that there is.
func (g *Guarantee) UnmarshalText(name []byte) error {
	for _, known := range Guarantees {
		if known.Name == string(name) {
			*g = known
			return nil
		}
	}
	return fmt.Errorf("there is no guarantee %q", name)
}

// GuaranteeOf is the guarantee that an answer of another kind breaks, where
// nothing is known of a payload but the right answer.
func GuaranteeOf(want Kind) Guarantee {
	switch want {
	case Malformed:
		return MalformedFails
	case Foreign:
		return ForeignFails
	}
	return AsSent
}
