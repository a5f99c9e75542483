package bugs

import (
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// kinds are bugs in telling which message there is, and bugs in which what stands
// beside the options changes the answer.
var kinds = []Mutant{
	{"any-that-decodes-wins", "TestCorpus", "Legacy first: an ID is mistaken for a type's name.",
		where(func(a *answer) bool { return stdin.IsBootstrap(a.payload) }, func(a *answer) {
			if id, namespace := stdin.AnyParts(a.payload); namesOptions(id) {
				a.giveDecoded(namespace, proto.Unmarshal)
			}
		})},
	{"params-by-order", "TestCorpus", "Marshalers write fields in order, so only the last one was looked at.",
		where(func(a *answer) bool {
			all, _ := wire.Parse(a.payload)
			return stdin.IsBootstrap(a.payload) && all[len(all)-1].Num < 3
		}, refuse)},
	{"empty-stdin-is-empty-options", "TestCorpus", "Zero bytes are a well-formed message.",
		where(func(a *answer) bool { return len(a.payload) == 0 && a.err == nil },
			func(a *answer) { a.opts = new(options.Options) })},
	{"id-is-up-to-75", "TestCorpus", "< for <=.",
		identified(func(id, _ string) bool { return len(id) <= 75 })},
	{"id-is-up-to-77", "TestCorpus", "The limit of 76 was counted with the zero at the end.",
		where(func(a *answer) bool {
			id, namespace := stdin.AnyParts(a.payload)
			return failed(a) && !stdin.IsBootstrap(a.payload) && len(id) == 77 && stdin.IsIdentifier(id[1:]) &&
				stdin.IsIdentifier(string(namespace))
		}, giveDefaults)},
	{"namespace-has-no-capitals", "TestWalkElements", "A label of Kubernetes has none.",
		identified(func(_, namespace string) bool { return namespace == strings.ToLower(namespace) })},
	{"log-level-out-of-range-refused", "TestWalkElements",
		"A varint that does not fit into 32 bits was taken for an error; the high bits are to be cut.",
		refused(paramsType, func(t *token) bool {
			v, ok := t.varint()
			return ok && t.num == 3 && int64(v) != int64(int32(v))
		})},
	{"log-level-twice-refused", "TestWalkElements", "A field that occurs twice cannot be meant.",
		refused(paramsType, func(t *token) bool {
			return t.is(3, protowire.VarintType) && slices.ContainsFunc(t.in.tokens, func(other *token) bool {
				return other != t && other.is(3, protowire.VarintType)
			})
		})},
	{"same-addresses-is-none", "TestWalkFields", "The two addresses are of different protocols.",
		where(func(a *answer) bool {
			p := paramsOf(a.payload)
			grpc := p.GetContainerdGrpcAddress()
			return hasOptions(a) && grpc != "" && grpc == p.GetContainerdTtrpcAddress()
		}, giveDefaults)},
	{"debug-from-log-level", "TestCorpus", "One switch for both: the parameters' log level sets debug.",
		where(func(a *answer) bool {
			return hasOptions(a) && paramsOf(a.payload).GetLogLevel() == bootstrap.LogLevel_LOG_LEVEL_DEBUG
		}, func(a *answer) { a.opts.Debug = true })},
	{"foreign-panics", "TestCorpus", "A type assertion without ok (hcsshim up to v0.15.0-rc.3: foreign-type-panics).",
		payloads(func(b []byte) []byte {
			if m := linkedIn(b); m != nil && !stdin.IsBootstrap(b) {
				_ = m.(*options.Options)
			}
			return b
		})},
	{"unknown-above-100000-bytes-refused", "TestLarge", "A large unknown field was taken for an attack.",
		refused(nil, func(t *token) bool { return len(t.val) > 100_000 && t.depth == 0 && t.fd == nil })},
	{"moby-has-own-defaults", "TestDrawn", "A special case for one namespace.",
		where(func(a *answer) bool { return hasOptions(a) && paramsOf(a.payload).GetNamespace() == "moby" },
			giveDefaults)},
}

// identified is a bug in what is taken for a container's ID and a namespace: a message of
// nothing else has no options, and any other of the fields 1 and 2 is of another type.
func identified(are func(id, namespace string) bool) bug {
	return where(func(a *answer) bool {
		id, namespace := stdin.AnyParts(a.payload)
		return a.opts == nil && a.err == nil && !stdin.IsBootstrap(a.payload) && stdin.IsIdentifier(id) &&
			stdin.IsIdentifier(string(namespace)) && !are(id, string(namespace))
	}, refuse)
}

// extensions are bugs in finding the options among the extensions.
var extensions = []Mutant{
	{"last-options-win", "TestCorpus", "A loop without a break.",
		params(func(p *bootstrap.BootstrapParams) { slices.Reverse(p.Extensions) })},
	{"options-merged", "TestCorpus", "Unmarshal with Merge into one result, for every extension.",
		params(func(p *bootstrap.BootstrapParams) {
			var all []byte
			for _, e := range p.Extensions {
				if namesOptions(e.GetValue().GetTypeUrl()) {
					all = append(all, e.Value.Value...)
					e.Value.Value = all
				}
			}
			slices.Reverse(p.Extensions)
		})},
	{"stops-at-foreign-extension", "TestCorpus", "break instead of continue in the loop.",
		params(func(p *bootstrap.BootstrapParams) {
			isForeign := func(e *bootstrap.Extension) bool { return !namesOptions(e.GetValue().GetTypeUrl()) }
			if i := slices.IndexFunc(p.Extensions, isForeign); i >= 0 {
				p.Extensions = p.Extensions[:i]
			}
		})},
	{"empty-value-is-none", "TestCorpus", "An extension without bytes was mistaken for no extension.",
		params(func(p *bootstrap.BootstrapParams) {
			p.Extensions = slices.DeleteFunc(p.Extensions, func(e *bootstrap.Extension) bool {
				return namesOptions(e.GetValue().GetTypeUrl()) && len(e.Value.Value) == 0
			})
		})},
	{"damaged-extension-behind-ours-skipped", "TestWalkElements",
		"The loop ends at the first options, and extensions are decoded in it.",
		messages(paramsType, func(m *message) {
			behind := false
			for _, t := range m.tokens {
				any, _ := stdin.AnyParts(t.body()) // which is the field 1 of an Extension
				url, _ := stdin.AnyParts([]byte(any))
				if _, rest := wire.Parse(t.body()); behind && t.isBytes(8) && len(rest) > 0 {
					t.drop()
				}
				behind = behind || t.isBytes(8) && namesOptions(url)
			}
		})},
	{"second-piece-of-any-ignored", "TestCorpus", "A message that is there already was left as it is.",
		atMost(1, extensionType, 1)},
}

// typeURLs are bugs in comparing type URLs, and in what becomes of another type.
var typeURLs = []Mutant{
	{"url-google-prefix-only", "TestCorpus", "As protobuf's own packers write it.",
		urls(func(url string) bool {
			return namesOptions(url) && (url == contract.OptionsName || strings.HasPrefix(url, "type.googleapis.com/"))
		})},
	{"url-first-slash", "TestCorpus", "Index for LastIndex.",
		urls(func(url string) bool { return url[strings.Index(url, "/")+1:] == contract.OptionsName })},
	{"url-trailing-slash", "TestCorpus", "path.Base, which drops it.",
		urls(func(url string) bool { return namesOptions(strings.TrimRight(url, "/")) })},
	{"url-case-folded", "TestCorpus", "Windows.",
		urls(func(url string) bool { return strings.EqualFold(stdin.TypeName(url), contract.OptionsName) })},
	{"url-empty-is-ours", "TestCorpus", "No type was treated as the default type.",
		urls(func(url string) bool { return url == "" || namesOptions(url) })},
	{"url-ignored", "TestCorpus", "Only one type can stand there (rust-extensions' reader of the legacy Any).",
		where(func(a *answer) bool { return !stdin.IsBootstrap(a.payload) && len(a.payload) > 0 }, func(a *answer) {
			_, value := stdin.AnyParts(a.payload)
			refuse(a)
			a.giveDecoded(value, proto.Unmarshal)
		})},
	{"json-fallback", "TestCorpus", "For debugging by hand.",
		where(failed, func(a *answer) { a.giveDecoded(a.payload, protojson.Unmarshal) })},
	{"any-in-any-unwrapped", "TestCorpus", "Something wrapped twice once.",
		payloads(func(b []byte) []byte {
			if url, value := stdin.AnyParts(b); !stdin.IsBootstrap(b) && url == "google.protobuf.Any" {
				b = value
			}
			return b
		})},
	{"value-before-url-lost", "TestCorpus", "The Any was read in one go, and its value decoded as the type so far.",
		withoutEarly(anyType)},
}

// urls is a bug in which type URLs are taken for that of Options.
func urls(isOurs func(string) bool) bug {
	return on(anyType, func(t *token) bool {
		return t.isBytes(1) && isOurs(string(t.body())) != namesOptions(string(t.body()))
	}, func(t *token) {
		if isOurs(string(t.body())) {
			t.setBody([]byte(contract.OptionsName))
		} else {
			t.setBody([]byte("not.ours.Options"))
		}
	})
}

// linkedIn is the message in an Any whose type is linked in, and nil for anything else.
func linkedIn(b []byte) proto.Message {
	var any anypb.Any
	_ = proto.Unmarshal(b, &any) // of what is damaged no type is named, or known
	m, _ := any.UnmarshalNew()
	return m
}

// withoutEarly is a bug that loses the field 2 of messages where it stands before the
// first field 1.
func withoutEarly(md protoreflect.MessageDescriptor) bug {
	return messages(md, func(m *message) {
		for i := range slices.IndexFunc(m.tokens, func(t *token) bool { return t.isBytes(1) }) {
			if m.tokens[i].isBytes(2) {
				m.tokens[i].drop()
			}
		}
	})
}

// atMost is a bug that sees only so many fields of a number.
func atMost(n int, md protoreflect.MessageDescriptor, num uint64) bug {
	return messages(md, func(m *message) {
		left := n
		for _, t := range m.tokens {
			if t.isBytes(num) && left == 0 {
				t.drop()
			} else if t.isBytes(num) {
				left--
			}
		}
	})
}

// creates are bugs that a readOptions cannot have.
var creates = []Mutant{
	{"foreign-is-unset", "TestCorpus",
		"The assertion was made one with ok, for it had crashed the shim, and without an error for the other case.",
		payloads(func(b []byte) []byte {
			m := linkedIn(b)
			if _, isOptions := m.(*options.Options); m != nil && !isOptions {
				b = wire.Message{wire.String(1, contract.OptionsName)}.Encode()
			}
			return b
		})},
}
