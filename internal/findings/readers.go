package findings

import (
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"golang.org/x/mod/semver"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
)

// Asked is what a payload that containerd was recorded to send means to a reader.
type Asked string

const (
	Ours    Asked = "options"    // of the type that it reads
	Nothing Asked = "no options" //
	Foreign Asked = "foreign"    // options of another type
)

// ReaderFinding is a defect of readers other than the hcsshim under test: what
// they answer to what containerd was recorded to send them, where the contract
// wants another answer.
type ReaderFinding struct {
	Name    string
	Breaks  contract.Guarantee
	Happens string
	Case    string     // of the corpus
	Of      []Releases // that have it

	// predict returns the wrong answer to a payload, and false for payloads that
	// the defect leaves alone.
	predict func(b []byte, asked Asked) (predicted, bool)
}

// Releases are those of a reader (package readers) from one on to before another.
type Releases struct{ Reader, From, Fixed string }

type predicted struct {
	kind contract.Kind
	opts *options.Options // for options
	says string           // for an error: part of its text
}

func (p predicted) matches(got contract.Outcome) bool {
	switch {
	case p.kind == contract.Error:
		return got.Kind.IsError() && strings.Contains(got.Err.Error(), p.says)
	case p.kind == contract.Options && got.Kind == contract.Options:
		return contract.Identical(p.opts, got.Options)
	}
	return p.kind == got.Kind
}

// Has reports whether a release of a reader has the finding. A checkout, which
// has no version, has what the newest release has.
func (f ReaderFinding) Has(reader, version string) bool {
	return slices.ContainsFunc(f.Of, func(r Releases) bool {
		switch {
		case r.Reader != reader:
			return false
		case !semver.IsValid(version):
			return r.Fixed == ""
		}
		return semver.Compare(version, r.From) >= 0 && (r.Fixed == "" || semver.Compare(version, r.Fixed) < 0)
	})
}

// OfReader returns the finding that befalls a payload, nil if none does, and
// whether got is the answer that it predicts.
func OfReader(reader, version string, b []byte, asked Asked, got contract.Outcome) (f *ReaderFinding, predicted bool) {
	for i, f := range OfReaders {
		if !f.Has(reader, version) {
			continue
		}
		if p, ok := f.predict(b, asked); ok {
			return &OfReaders[i], p.matches(got)
		}
	}
	return nil, false
}

// OfReaders are the findings of every reader that make matrix runs. From is the
// oldest release that was run.
var OfReaders = []ReaderFinding{
	{
		Name: "bootstrap-rejected", Breaks: contract.AsSent,
		Happens: "containerd 2.3 and later start no container, should they send BootstrapParams: the shim takes them for an Any " +
			"whose type is the container's ID (hcsshim issue 2780). ReadRuntimeOptions, the helper that containerd gives to those who write shims, does so to this day.",
		Case:    "recorded_v2.4.2_lcow-v2_start_cri",
		Of:      []Releases{{"hcsshim runhcs-v1", "v0.8.23", bootstrapSupport}, {"containerd ReadRuntimeOptions", "v2.2.9", ""}},
		predict: answers(true, predicted{kind: contract.Error, says: "web-1: not found"}, Ours, Nothing, Foreign),
	},
	{
		Name: "foreign-legacy-is-default", Breaks: contract.ForeignFails,
		Happens: "Options of another type start the shim with default options, and nobody is told.",
		Case:    "recorded_v2.4.2_runhcs-v1_start_runtimeoptions",
		Of:      []Releases{{"hcsshim runhcs-v1", bootstrapSupport, ""}, {"containerd runc-v2", "v2.2.9", "v2.3.0"}},
		predict: foreignDropped,
	},
	{
		Name: "younger-fields-dropped", Breaks: contract.AsSent,
		Happens: "Options that are younger than the shim are dropped, and nobody is told: CRI's default, scrub_logs, among them, so that " +
			"the shim writes what it should scrub into its logs.",
		Case:    "recorded_v1.7.35_runhcs-v1_start_cri",
		Of:      []Releases{{"hcsshim runhcs-v1", "v0.8.23", "v0.10.0-rc.8"}},
		predict: withoutFields("default_container_annotations", "no_inherit_host_timezone", "scrub_logs"),
	},
	{
		Name: "legacy-read-as-bootstrap", Breaks: contract.AsSent,
		Happens: "The options of containerd up to 2.2 are dropped, and nobody is told: the Any that they come in is a well-formed " +
			"BootstrapParams without extensions, whose ID is a type's name. So a shim that was renewed before containerd runs with defaults.",
		Case:    "recorded_v2.2.9_runhcs-v1_start_cri",
		Of:      []Releases{{"containerd pkg/shim", "v2.3.7", "v2.4.0"}, {"containerd runc-v2", "v2.3.0", "v2.4.0"}},
		predict: answers(false, predicted{kind: contract.None}, Ours, Foreign),
	},
	// The two of lcow-v2 are those of Callers, as far as containerd was recorded.
	{
		Name: "lcow-v2-loses-legacy-options", Breaks: contract.AsSent,
		Happens: "The Any of containerd up to 2.2 is taken for BootstrapParams: its options are dropped, and nobody is told, if they happen " +
			"to be valid UTF-8; else no container starts. Zero options are dropped, CRI's default, scrub_logs, is refused.",
		Case:    "recorded_v2.2.9_runhcs-v1_start_zero",
		Of:      []Releases{{"hcsshim lcow-v2", bootstrapSupport, ""}},
		predict: droppedOrRefused,
	},
	{
		Name: "lcow-v2-legacy-is-default", Breaks: contract.ForeignFails,
		Happens: "Options of another type, in the Any of containerd up to 2.2, start lcow-v2 with defaults, and nobody is told.",
		Case:    "recorded_v2.2.9_runhcs-v1_start_runtimeoptions",
		Of:      []Releases{{"hcsshim lcow-v2", bootstrapSupport, ""}},
		predict: answers(false, predicted{kind: contract.None}, Foreign),
	},
	{
		Name: "legacy-refused", Breaks: contract.AsSent,
		Happens: "A shim that was renewed before containerd starts no container of containerd up to 2.2. By design since containerd 2.4, " +
			"which tells BootstrapParams by the ID and the namespace of the command line, and says so in its error.",
		Case:    "recorded_v2.2.9_runhcs-v1_start_cri",
		Of:      []Releases{{"containerd pkg/shim", "v2.4.0", ""}, {"containerd runc-v2", "v2.4.0", ""}},
		predict: answers(false, predicted{kind: contract.Error, says: "deprecated API"}, Ours, Nothing),
	},
	{
		Name: "unreadable-is-default", Breaks: contract.MalformedFails,
		Happens: "Options that cannot be read start the shim with defaults, and nobody is told: so containerd 2.3's BootstrapParams do, " +
			"for a shim of 2.2 that is still there.",
		Case:    "recorded_v2.4.2_lcow-v2_start_runc",
		Of:      []Releases{{"containerd runc-v2", "v2.2.9", "v2.3.0"}},
		predict: answers(true, predicted{kind: contract.None}, Ours),
	},
}

// answers predicts one answer to all that is asked in payloads of one family.
func answers(bootstrap bool, p predicted, to ...Asked) func([]byte, Asked) (predicted, bool) {
	return func(b []byte, asked Asked) (predicted, bool) {
		return p, payload.IsBootstrap(b) == bootstrap && slices.Contains(to, asked)
	}
}

// foreignDropped predicts that options of a type that is not linked are dropped:
// runc's are linked into both of the readers that drop any.
func foreignDropped(b []byte, asked Asked) (predicted, bool) {
	url, _ := payload.AnyParts(b)
	return predicted{kind: contract.None}, asked == Foreign && !payload.IsBootstrap(b) && url != "containerd.runc.v1.Options"
}

// droppedOrRefused predicts what the bytes make of an Any as BootstrapParams.
func droppedOrRefused(b []byte, asked Asked) (predicted, bool) {
	p := predicted{kind: contract.Error, says: "UTF-8"}
	if isBootstrapParams(b) {
		p = predicted{kind: contract.None}
	}
	return p, asked == Ours && !payload.IsBootstrap(b)
}

// withoutFields predicts legacy options without some of their fields.
func withoutFields(names ...protoreflect.Name) func([]byte, Asked) (predicted, bool) {
	return func(b []byte, asked Asked) (predicted, bool) {
		if payload.IsBootstrap(b) || asked != Ours {
			return predicted{}, false
		}
		opts := new(options.Options)
		if proto.Unmarshal(payload.OptionsBytes(b), opts) != nil {
			return predicted{}, false
		}
		m, lost := opts.ProtoReflect(), false
		for _, name := range names {
			fd := m.Descriptor().Fields().ByName(name)
			lost = lost || m.Has(fd)
			m.Clear(fd)
		}
		return predicted{kind: contract.Options, opts: opts}, lost
	}
}
