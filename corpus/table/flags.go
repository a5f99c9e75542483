package table

// flag explains what the cases that carry it are about.
type flag struct {
	Description string   `json:"description"`
	Links       []string `json:"links,omitempty"`
}

// flags explains every flag that a case may carry.
var flags = map[string]flag{
	"Sender":   {Description: "What some containerd, CRI or client is known to send."},
	"Recorded": {Description: "Written by containerd's own code, see origin. Recorded by make record, never edited."},
	"Create": {Description: "Not of standard input: CreateTaskRequest.Options, the Any that containerd gives a shim " +
		"again in Create."},
	"Range": {Description: "One field of Options at an edge of its range."},
	"Equivalent": {Description: "Has the meaning of the other cases of its class, in bytes that a standard encoder " +
		"would not write but a standard decoder must read.",
		Links: []string{"https://protobuf.dev/programming-guides/encoding/"}},
	"Element": {Description: "One element that is easily read wrongly, in the message that the name says, with " +
		"nothing beside it."},
	"Text": {Description: "A text that is easily changed, in every string of Options: it must arrive as it is."},
	"Ambiguous": {Description: "Well-formed as both messages: a reader that tries one and then the other can mistake " +
		"it for the wrong one.", Links: []string{"https://github.com/microsoft/hcsshim/issues/2780",
		"https://github.com/microsoft/hcsshim/pull/2868"}},
	"Free": {Description: "Good protobuf decoders differ: the contract allows each of the answers of outcome and or."},
	"Foreign": {Description: "Well-formed options of another type.",
		Links: []string{"https://github.com/microsoft/hcsshim/issues/1941"}},
	"Neighbour": {Description: "Extensions of other types before, after or instead of ours: another reader's, to be " +
		"ignored."},
	"Damaged": {Description: "A valid payload with the one fault that the name says, in the message that the name " +
		"says."},
	"OtherFormat": {Description: "Not protobuf, or protobuf inside something else. A comment in bootstrap.proto " +
		"still says JSON."},
}
