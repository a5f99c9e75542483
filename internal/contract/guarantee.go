package contract

// Guarantee is a sentence that a shim operator relies on. Every property and
// every finding names one, and every failure quotes it.
type Guarantee struct{ Name, Text string }

func (g Guarantee) String() string { return g.Name + ": " + g.Text }

// The guarantees, the most basic first.
var (
	NeverPanics = Guarantee{"never-panics",
		"No bytes and no reader make the shim panic or hang, or return options together with an error."}
	AsSent = Guarantee{"as-sent",
		"The options that containerd sends arrive field by field, from every containerd, and no options stay none."}
	Equivalent = Guarantee{"equivalent",
		"Two payloads with the same meaning give identical options, however they are encoded."}
	MalformedFails = Guarantee{"malformed-fails",
		"A damaged payload is an error: the shim never starts with defaults or half of the options."}
	ForeignFails = Guarantee{"foreign-fails",
		"Options of another type are an error: the shim never starts with defaults in their place."}
	NonInterference = Guarantee{"non-interference",
		"The options never depend on the container's ID, its namespace or any other field of the message."}
	RegistryIndependent = Guarantee{"registry-independent",
		"The answer never depends on which protobuf packages are linked in."}
	ReaderFaults = Guarantee{"reader-faults",
		"However the bytes are delivered the answer is the same, and a failing reader is that error."}
	NoSharing = Guarantee{"no-sharing",
		"The same bytes give the same answer on every call and goroutine, and the result keeps no reference to the input."}
	Linear = Guarantee{"linear",
		"Memory and time grow linearly with the payload."}
)

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
