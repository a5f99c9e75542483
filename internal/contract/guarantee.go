package contract

import (
	"cmp"
	"fmt"
)

// Guarantee is a sentence that a shim operator relies on. Every property and
// every finding names one, and every failure quotes it.
type Guarantee struct {
	Name, Text string
	Rules      string // of docs/contract.md that it stands for; "" for what is not about options
}

// String is the guarantee as a failure quotes it.
func (g Guarantee) String() string { return g.Name + ": " + g.Text }

// The guarantees, the most basic first.
var (
	NeverPanics = Guarantee{"never-panics",
		"No bytes and no reader make the shim panic or hang, or return options together with an error.",
		"O6, O7"}
	AsSent = Guarantee{"as-sent",
		"The options that containerd sends arrive field by field, from every containerd, and no options stay none.",
		"O1, O2, R1 (no bytes), R3, R4a, R4b, S1, S2; the freedom oversize"}
	Equivalent = Guarantee{"equivalent",
		"Two payloads with the same meaning give identical options, however they are encoded.",
		"all equivalences except chunking; the freedom wide-tag"}
	MalformedFails = Guarantee{"malformed-fails",
		"A damaged payload is an error: the shim never starts with defaults or half of the options.",
		"O4, O8, R2, R3, R4, R4a, M1 to M14; the freedoms over-64-bits, depth and overwritten"}
	ForeignFails = Guarantee{"foreign-fails",
		"Options of another type are an error: the shim never starts with defaults in their place.",
		"O5, R4c"}
	NonInterference = Guarantee{"non-interference",
		"The options never depend on the container's ID, its namespace or any other field of the message.",
		"R3, R4b, ambient, neighbours"}
	RegistryIndependent = Guarantee{"registry-independent",
		"The answer never depends on which protobuf packages are linked in.",
		"R4c, and the definition of names Options"}
	ReaderFaults = Guarantee{"reader-faults",
		"However the bytes are delivered the answer is the same, and a failing reader is that error.",
		"O3, R1 (the reader fails), S3, S8, chunking"}
	NoSharing = Guarantee{"no-sharing",
		"The same bytes give the same answer on every call and goroutine, and the result keeps no reference to the " +
			"input.",
		"S4, S5, S6"}
	Linear = Guarantee{"linear",
		"Memory and time grow linearly with the payload.",
		"S7"}
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
func GuaranteeOf(want Kind) Guarantee { return cmp.Or(guaranteeOfKind[want], AsSent) }

var guaranteeOfKind = map[Kind]Guarantee{Malformed: MalformedFails, Foreign: ForeignFails, Read: ReaderFaults}
