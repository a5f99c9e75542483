package findings

import (
	"slices"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/contract"
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
	family  string     // of the payload: "legacy" or "bootstrap"
	asked   []string   // what that is to the reader: "options", "no options", "foreign"
	outcome []string   // that it gives, one or the other
}

// Releases are those of a reader (package readers) from one on to before another.
type Releases struct{ Reader, From, Fixed string }

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

// OfReader is the name of the finding that explains a reader's wrong answer, ""
// if none does.
func OfReader(reader, version, family, asked, outcome string) string {
	for _, f := range OfReaders {
		if f.Has(reader, version) && f.family == family && slices.Contains(f.outcome, outcome) && slices.Contains(f.asked, asked) {
			return f.Name
		}
	}
	return ""
}

// OfReaders are the findings of every reader that make matrix runs. From is the
// oldest release that was run.
var OfReaders = []ReaderFinding{
	{
		Name: "bootstrap-rejected", Breaks: contract.AsSent,
		Happens: "containerd 2.3 and later start no container, should they send BootstrapParams: the shim takes them for an Any " +
			"whose type is the container's ID (hcsshim issue 2780). ReadRuntimeOptions, the helper that containerd gives to those who write shims, does so to this day.",
		Case: "recorded_v2.4.2_lcow-v2_start_cri", family: "bootstrap", asked: []string{"options", "no options", "foreign"}, outcome: []string{"error"},
		Of: []Releases{{"hcsshim runhcs-v1", "v0.8.23", bootstrapSupport}, {"containerd ReadRuntimeOptions", "v2.2.9", ""}},
	},
	{
		Name: "foreign-legacy-is-default", Breaks: contract.ForeignFails,
		Happens: "Options of another type start the shim with default options, and nobody is told.",
		Case:    "recorded_v2.4.2_runhcs-v1_start_runtimeoptions", family: "legacy", asked: []string{"foreign"}, outcome: []string{"none"},
		Of: []Releases{{"hcsshim runhcs-v1", bootstrapSupport, ""}, {"containerd runc-v2", "v2.2.9", "v2.3.0"}},
	},
	{
		Name: "legacy-read-as-bootstrap", Breaks: contract.AsSent,
		Happens: "The options of containerd up to 2.2 are dropped, and nobody is told: the Any that they come in is a well-formed " +
			"BootstrapParams without extensions, whose ID is a type's name. So a shim that was renewed before containerd runs with defaults.",
		Case: "recorded_v2.2.9_runhcs-v1_start_cri", family: "legacy", asked: []string{"options", "foreign"}, outcome: []string{"none"},
		Of: []Releases{{"containerd pkg/shim", "v2.3.7", "v2.4.0"}, {"containerd runc-v2", "v2.3.0", "v2.4.0"}},
	},
	{
		Name: "legacy-dropped-or-refused", Breaks: contract.AsSent,
		Happens: "The Any of containerd up to 2.2 is taken for BootstrapParams: its options are dropped, and nobody is told, if they happen " +
			"to be valid UTF-8; else no container starts. Zero options are dropped, CRI's default, scrub_logs, is refused.",
		Case: "recorded_v2.2.9_runhcs-v1_start_zero", family: "legacy", asked: []string{"options", "foreign"}, outcome: []string{"none", "error"},
		Of: []Releases{{"hcsshim lcow-v2", "v0.15.0", ""}},
	},
	{
		Name: "legacy-refused", Breaks: contract.AsSent,
		Happens: "A shim that was renewed before containerd starts no container of containerd up to 2.2. By design since containerd 2.4, " +
			"which tells BootstrapParams by the ID and the namespace of the command line, and says so in its error.",
		Case: "recorded_v2.2.9_runhcs-v1_start_cri", family: "legacy", asked: []string{"options", "no options"}, outcome: []string{"error"},
		Of: []Releases{{"containerd pkg/shim", "v2.4.0", ""}, {"containerd runc-v2", "v2.4.0", ""}},
	},
	{
		Name: "unreadable-is-default", Breaks: contract.MalformedFails,
		Happens: "Options that cannot be read start the shim with defaults, and nobody is told: so containerd 2.3's BootstrapParams do, " +
			"for a shim of 2.2 that is still there.",
		Case: "recorded_v2.4.2_lcow-v2_start_runc", family: "bootstrap", asked: []string{"options"}, outcome: []string{"none"},
		Of: []Releases{{"containerd runc-v2", "v2.2.9", "v2.3.0"}},
	},
}
