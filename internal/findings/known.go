package findings

import (
	"encoding/json"
	"reflect"
	_ "unsafe" // for the linkname

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	_ "github.com/containerd/typeurl/v2" // for jsonTypes
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/payload"
)

// Newest is the newest release whose findings are known.
const Newest = "v0.15.0"

// bootstrapSupport is the first release that reads BootstrapParams: hcsshim
// pull request 2868, for issue 2780.
const bootstrapSupport = "v0.15.0-rc.4"

// oldest is the first release that the suite tests; the defects are older.
const oldest = "v0.12.0"

// All is every known finding, of any version. Where two befall one payload the
// earlier one decides.
var All = []Finding{
	{
		Name:   "bootstrap-rejected",
		Breaks: contract.AsSent,
		Happens: "containerd 2.3 hands over BootstrapParams and no container starts: the shim takes them for an Any " +
			"whose type is the container's ID, and fails because there is no such type (hcsshim issue 2780).",
		From: oldest, Fixed: bootstrapSupport,
		Case:    "bootstrap_options",
		predict: bootstrapRejected,
	},
	{
		Name:   "foreign-type-panics",
		Breaks: contract.NeverPanics,
		Happens: "Options of any other type that is linked into the shim (runc's, from nerdctl) crash it with a Go " +
			"panic instead of an error that says what was wrong with the configuration.",
		From: oldest, Fixed: bootstrapSupport,
		Case:    "legacy_foreign_registered",
		predict: foreignTypePanics,
	},
	{
		Name:   "identity-misread",
		Breaks: contract.NonInterference,
		Happens: "A container whose ID is the name of a linked protobuf type, in a namespace that is well-formed " +
			"protobuf, loses its options, gets options made of the namespace's letters, or does not start.",
		From:    oldest,
		Case:    "ambiguous_id_options_namespace_inference",
		predict: identityMisread,
	},
	{
		Name:   "corrupt-legacy-is-default",
		Breaks: contract.MalformedFails,
		Happens: "A legacy Any of runhcs Options with a damaged value starts the shim with default options, and " +
			"nobody is told: isolation, scrubbing and sizes are not what the operator configured.",
		From:    bootstrapSupport,
		Case:    "malformed_legacy_options_truncated",
		predict: corruptLegacyIsDefault,
	},
	{
		Name:   "foreign-legacy-is-default",
		Breaks: contract.ForeignFails,
		Happens: "Options of another type start the shim with default options, and nobody is told. CRI sends such for " +
			"every runtime type but io.containerd.runhcs.v1, so a whole [options] table is dropped in silence. " +
			"Whether it is dropped or refused depends on the packages linked in and on the value's bytes.",
		From:    bootstrapSupport,
		Case:    "legacy_foreign_runtimeoptions",
		predict: foreignLegacyIsDefault,
	},
	{
		Name:   "untyped-is-default",
		Breaks: contract.ForeignFails,
		Happens: "A message that names no type at all, down to two stray bytes on stdin, starts the shim with " +
			"default options instead of an error.",
		From:    bootstrapSupport,
		Case:    "legacy_no_type",
		predict: untypedIsDefault,
	},
	{
		Name:   "group-hides-bad-field-number",
		Breaks: contract.MalformedFails,
		Happens: "A field number above 2^29-1, which protobuf does not have, is accepted inside a group: damaged " +
			"bytes pass for options. The defect is google.golang.org/protobuf's (protowire.ConsumeTag).",
		From:    oldest,
		Case:    "malformed_legacy_options_group-field-above-max",
		predict: groupHidesBadFieldNumber,
	},
}

// jsonTypes are the types that are registered with typeurl, by their type URLs:
// it decodes these from JSON. It does not export them.
//
//go:linkname jsonTypes github.com/containerd/typeurl/v2.registry
var jsonTypes map[reflect.Type]string

// readAny is what hcsshim makes of a payload as an Any: a message of the type
// that is registered under the type URL, and false if there is none or the value
// is none. typeurl itself is not asked: its bugs would be predicted along with
// hcsshim's, and so excused.
func (l List) readAny(b []byte) (any, bool) {
	var a anypb.Any
	if proto.Unmarshal(b, &a) != nil {
		return nil, false
	}
	for t, url := range jsonTypes {
		if url == a.GetTypeUrl() {
			v := reflect.New(t).Interface()
			return v, json.Unmarshal(a.GetValue(), v) == nil
		}
	}
	t, err := protoregistry.GlobalTypes.FindMessageByURL(a.GetTypeUrl())
	if err != nil || l.released && t.Descriptor().ParentFile().Package() == bootstrapPackage {
		return nil, false
	}
	m := t.New().Interface()
	return m, proto.Unmarshal(a.GetValue(), m) == nil
}

var bootstrapPackage = (*bootstrap.BootstrapParams)(nil).ProtoReflect().Descriptor().ParentFile().Package()

func isBootstrapParams(b []byte) bool {
	return proto.Unmarshal(b, new(bootstrap.BootstrapParams)) == nil
}

var (
	none   = contract.Outcome{Kind: contract.None}
	failed = contract.Outcome{Kind: contract.Error}
)

// identities reports whether the payload is BootstrapParams, or an ID and a
// namespace only, which looks the same but for the fields that are missing.
func identities(b []byte, want contract.Outcome) bool {
	return payload.IsBootstrap(b) || want.Kind == contract.None && len(b) > 0
}

func bootstrapRejected(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	_, readable := l.readAny(b)
	return failed, identities(b, want) && !want.Kind.IsError() && !readable
}

func foreignTypePanics(l List, b []byte, _ contract.Outcome) (contract.Outcome, bool) {
	v, readable := l.readAny(b)
	_, isOptions := v.(*options.Options)
	return contract.Outcome{Kind: contract.Panic, Panic: "interface conversion: "}, readable && !isOptions
}

func identityMisread(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	v, readable := l.readAny(b)
	if !identities(b, want) || !readable {
		return contract.Outcome{}, false
	}
	if opts, ok := v.(*options.Options); ok {
		return payload.Sent(opts), true
	}
	return failed, true
}

func corruptLegacyIsDefault(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	_, readable := l.readAny(b)
	return none, want.Kind == contract.Malformed && !payload.IsBootstrap(b) && !readable && isBootstrapParams(b)
}

func foreignLegacyIsDefault(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	url, _ := payload.AnyParts(b)
	return droppedForeign(l, b, want, url != "")
}

func untypedIsDefault(l List, b []byte, want contract.Outcome) (contract.Outcome, bool) {
	url, _ := payload.AnyParts(b)
	return droppedForeign(l, b, want, url == "")
}

func droppedForeign(l List, b []byte, want contract.Outcome, applies bool) (contract.Outcome, bool) {
	_, readable := l.readAny(b)
	return none, applies && want.Kind == contract.Foreign && !readable && isBootstrapParams(b)
}
