package bugs

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// kinds are bugs in telling which message there is, and bugs in which what stands
// beside the options changes the answer.
var kinds = []Mutant{
	{"empty-stdin-is-empty-options", "TestCorpus", "Zero bytes are a well-formed message.",
		where(func(a *answer) bool { return len(a.payload) == 0 && a.err == nil },
			func(a *answer) { a.opts = new(options.Options) })},
	{"same-addresses-is-none", "TestWalkFields", "The two addresses are of different protocols.",
		unsent(func(m *message) bool { return m.last(5) != "" && m.last(5) == m.last(6) })},
	{"moby-has-own-defaults", "TestWalkTokens", "A special case for one namespace.",
		unsent(func(m *message) bool { return m.last(2) == "moby" })},
	{"version-with-build-has-no-options", "TestWalkTexts", "Versions were compared, and one with + was none.",
		unsent(func(m *message) bool { return strings.Contains(m.last(4), "+") })},
	{"processors-of-sandbox-limited", "TestWalkTokens", "A sandbox with a machine of its own has at most 64.",
		where(hasOptions, func(a *answer) {
			if a.opts.SandboxIsolation == options.Options_HYPERVISOR {
				a.opts.VmProcessorCount = min(a.opts.VmProcessorCount, 64)
			}
		})},
	{"unknown-above-100000-bytes-refused", "TestLarge", "A large unknown field was taken for an attack.",
		on(nil, func(t *token) bool { return len(t.val) > 100_000 && t.depth == 0 && t.field() == nil },
			(*token).refuse)},
}

// unsent is a bug that finds no options in some BootstrapParams.
func unsent(in func(*message) bool) bug {
	return on(paramsType, func(t *token) bool { return t.isBytes(extensions) && in(t.in) }, (*token).drop)
}

// inExtensions are bugs in finding the options among the extensions, and in what comes in pieces.
var inExtensions = []Mutant{
	{"last-options-win", "TestCorpus", "A loop without a break.",
		on(paramsType, func(t *token) bool { return t.isOurs() && t.precedes((*token).isOurs) }, (*token).drop)},
	{"stops-at-foreign-extension", "TestCorpus", "break instead of continue in the loop.",
		on(paramsType, func(t *token) bool {
			return t.isOurs() && t.follows(func(t *token) bool { return t.isBytes(extensions) && !t.isOurs() })
		}, (*token).drop)},
	{"damaged-extension-behind-ours-skipped", "TestWalkTokens",
		"The loop ends at the first options, and extensions are decoded in it.",
		on(paramsType, func(t *token) bool {
			return t.isBytes(extensions) && !t.isSound() && t.follows((*token).isOurs)
		}, (*token).drop)},
	{"third-piece-ignored", "TestWalkPieces", "Two pieces were merged, and no more came in any try.",
		atMost(extensionType, 1, 2)},
	{"damaged-piece-between-ignored", "TestWalkPieces", "What the first and the last piece say was taken for all.",
		on(extensionType, func(t *token) bool {
			return isFirst(t) && !t.isSound() && t.follows(isFirst) && t.precedes(isFirst)
		}, (*token).drop)},
	{"overwritten-entry-unread", "TestWalkPieces", "Entries were decoded when they were looked up.",
		overwritten(func(before, t *token) bool { return before.key() == t.key() && !before.isSound() })},
	{"pieces-to-100", "TestWalkMany", "A limit against abuse.", atMost(extensionType, 1, 100)},
	{"extensions-to-65535", "TestWalkMany", "An index of 16 bits.", atMost(paramsType, extensions, 65_535)},
	{"params-above-10-mib-cut", "TestLarge", "io.LimitReader, as in containerd's pkg/shim.", cut(10<<20, true)},
}

// isOurs reports whether a token of BootstrapParams is an extension with Options.
func (t *token) isOurs() bool {
	any, _ := stdin.AnyParts(t.body()) // which is the field 1 of an Extension
	url, _ := stdin.AnyParts([]byte(any))
	return t.isBytes(extensions) && namesOptions(url)
}

// isSound reports whether the message in a token can be read to its end.
func (t *token) isSound() bool {
	_, rest := wire.Parse(t.body())
	return len(rest) == 0
}

// atMost is a bug that drops what exceeds a number of fields.
func atMost(md protoreflect.MessageDescriptor, num uint64, most int) bug {
	return misreading{message: func(m *message) {
		n := 0
		for _, t := range m.tokens {
			if m.md != md || !t.isBytes(num) {
				continue
			}
			if n++; n > most {
				t.drop()
			}
		}
	}}.bug()
}

// cut is a bug that reads no more of a family.
func cut(most int, params bool) bug {
	return payloads(func(b []byte) []byte {
		if stdin.IsBootstrap(b) == params {
			b = b[:min(len(b), most)]
		}
		return b
	})
}

// typeURLs are bugs in comparing type URLs, and in what becomes of another type.
var typeURLs = []Mutant{
	{"url-first-slash", "TestCorpus", "Index for LastIndex.",
		urls(func(url string) bool { return url[strings.Index(url, "/")+1:] == contract.OptionsName })},
	{"url-case-folded", "TestCorpus", "Windows.",
		urls(func(url string) bool { return strings.EqualFold(stdin.TypeName(url), contract.OptionsName) })},
	{"url-ignored", "TestCorpus", "Only one type can stand there (rust-extensions' reader of the legacy Any).",
		urls(func(string) bool { return true })},
	{"type-url-above-4096-bytes-refused", "TestWalkTexts", "A buffer of fixed size.",
		urls(func(url string) bool { return namesOptions(url) && len(url) <= 4096 })},
	{"json-fallback", "TestCorpus", "For debugging by hand.",
		where(failed, func(a *answer) {
			if opts := new(options.Options); protojson.Unmarshal(a.payload, opts) == nil {
				a.opts, a.err = opts, nil
			}
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

// withoutEarly is a bug that loses the field 2 of messages where it stands before the
// first field 1.
func withoutEarly(md protoreflect.MessageDescriptor) bug {
	return on(md, func(t *token) bool { return t.isBytes(2) && !t.follows(isFirst) && t.precedes(isFirst) },
		(*token).drop)
}

func isFirst(t *token) bool { return t.isBytes(1) }

// encodings are bugs in tags, lengths, varints, groups and wire types, before a field means anything.
var encodings = slices.Concat(ofEngines(), []Mutant{
	{"wire-type-7-skipped", "TestCorpus", "A switch over the wire types without a default.",
		tags(func(t *token) bool { return t.typ == 7 }, (*token).drop)},
	{"over-64-bits-is-zero", "TestCorpus", "ConsumeVarint returns 0 with its error, and the error was dropped.",
		on(nil, func(t *token) bool {
			return t.typ == protowire.VarintType && len(t.val) == maxVarint && t.val[maxVarint-1] > 1
		}, (*token).clear)},
	{"stray-end-of-group-ignored", "TestCorpus", "The end of a group has no value, so there was nothing to skip.",
		tags(func(t *token) bool { return t.typ == protowire.EndGroupType && t.group == nil }, (*token).drop)},
	{"groups-deeper-than-64-refused", "TestCorpus", "A recursion limit of 64, where protobuf's is 100.",
		on(nil, func(t *token) bool { return t.typ == protowire.StartGroupType && t.depth >= 64 }, (*token).refuse)},
	{"wrong-wire-type-beside-right-one-refused", "TestWalkTokens", "A field is a string or a number, not both.",
		on(anyType, func(t *token) bool {
			return t.isWrongType() && slices.ContainsFunc(t.in.tokens, func(other *token) bool {
				return other.num == t.num && other.depth == 0 && !other.isWrongType()
			})
		}, (*token).refuse)},
})

// ofEngines are the known defects of protobuf engines, which people build decoders on. Those of
// Go's are known of hcsshim, too.
func ofEngines() (all []Mutant) {
	for _, name := range slices.Sorted(maps.Keys(Engines)) {
		for _, d := range Engines[name].Defects {
			if name != "go" {
				all = append(all, Mutant{name + "-" + d.Name, "TestCorpus", d.Why,
					payloads(Engine{Defects: []Defect{d}}.Reads)})
			}
		}
	}
	return all
}

// values are bugs in the options themselves: in the order of fields, in fields that occur
// again, in their values and in their number.
var values = []Mutant{
	{"bool-of-low-byte", "TestCorpus", "A bool is a byte.",
		numbers(protoreflect.BoolKind, func(_ protoreflect.FieldDescriptor, v uint64) bool { return byte(v) == 0 },
			(*token).clear)},
	{"false-is-unset", "TestCorpus", "An optional bool copied with an if.",
		numbers(protoreflect.BoolKind, func(fd protoreflect.FieldDescriptor, v uint64) bool {
			return v == 0 && fd.HasPresence()
		}, (*token).drop)},
	{"unknown-enum-is-zero", "TestCorpus", "A switch over the known values, with a default.",
		numbers(protoreflect.EnumKind, func(fd protoreflect.FieldDescriptor, v uint64) bool {
			return fd.Enum().Values().ByNumber(protoreflect.EnumNumber(v)) == nil
		}, (*token).clear)},
	{"sixteen-bits", "TestCorpus", "A processor count fits in 16 bits.",
		where(hasOptions, func(a *answer) { a.opts.VmProcessorCount = int32(int16(a.opts.VmProcessorCount)) })},
	{"empty-does-not-clear", "TestWalkTokens", `if s != "" { x = s }: an empty string does not overwrite another.`,
		on(optionsType, func(t *token) bool { return t.isText() && len(t.body()) == 0 }, (*token).drop)},
	{"value-before-key-lost", "TestWalkTokens", "The value was stored under the key so far.",
		withoutEarly(entryType)},
	{"annotations-to-65535", "TestWalkMany", "An index of 16 bits.", atMost(optionsType, annotations, 65_535)},
	{"overwritten-entry-unchecked", "TestWalkTexts", "Only the texts that are there in the end were checked.",
		overwritten(func(before, t *token) bool {
			return before.key() == t.key() && before.isSound() && !utf8.Valid(before.body())
		})},
	{"any-of-32-mib-cut", "TestLarge", "io.LimitReader of one byte less.", cut(contract.MaxPayload-1, false)},
	{"unknown-fields-to-100000", "TestWalkMany", "A limit against abuse.",
		on(nil, func(t *token) bool { return len(t.in.tokens) > 100_000 && t.depth == 0 && t.field() == nil },
			(*token).refuse)},
}

func isAnnotation(t *token) bool { return t.isBytes(annotations) }

// numbers is a bug in some varints in fields of Options of a kind.
func numbers(kind protoreflect.Kind, are func(protoreflect.FieldDescriptor, uint64) bool, change func(*token)) bug {
	return on(optionsType, func(t *token) bool {
		v, _ := varint(t.val)
		return t.is(kind, protowire.VarintType) && are(t.field(), v)
	}, change)
}

// overwritten is a bug that loses annotations before some others.
func overwritten(loses func(before, t *token) bool) bug {
	return on(optionsType, func(t *token) bool {
		return isAnnotation(t) && t.precedes(func(o *token) bool { return isAnnotation(o) && loses(t, o) })
	}, (*token).drop)
}

// key is that of an annotation, which may be damaged behind it.
func (t *token) key() string {
	key, _ := stdin.AnyParts(t.body()) // which is the field 1 of an entry, too
	return key
}
