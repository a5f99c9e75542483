package bugs

import (
	"math"
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
		on(anyType, func(t *token) bool { return t.isBytes(1) && len(t.body()) == 77 },
			func(t *token) { t.setBody(t.body()[1:]) })},
	{"namespace-has-no-capitals", "TestWalkTokens", "A label of Kubernetes has none.",
		identified(func(_, namespace string) bool { return namespace == strings.ToLower(namespace) })},
	{"log-level-out-of-range-refused", "TestWalkTokens",
		"A varint that does not fit into 32 bits was taken for an error; the high bits are to be cut.",
		on(paramsType, func(t *token) bool {
			v, _ := varint(t.val)
			return t.is(protoreflect.EnumKind, protowire.VarintType) && int64(v) != int64(int32(v))
		}, (*token).refuse)},
	{"same-addresses-is-none", "TestWalkFields", "The two addresses are of different protocols.",
		on(paramsType, func(t *token) bool {
			grpc := t.in.last(5)
			return t.isBytes(extensions) && grpc != "" && grpc == t.in.last(6)
		}, (*token).drop)},
	{"unknown-above-100000-bytes-refused", "TestLarge", "A large unknown field was taken for an attack.",
		on(nil, func(t *token) bool { return len(t.val) > 100_000 && t.depth == 0 && t.field() == nil },
			(*token).refuse)},
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

// inExtensions are bugs in finding the options among the extensions.
var inExtensions = []Mutant{
	{"last-options-win", "TestCorpus", "A loop without a break.",
		on(paramsType, func(t *token) bool { return t.isOurs() && t.precedes((*token).isOurs) }, (*token).drop)},
	{"stops-at-foreign-extension", "TestCorpus", "break instead of continue in the loop.",
		on(paramsType, func(t *token) bool {
			return t.isOurs() && t.follows(func(t *token) bool { return t.isBytes(extensions) && !t.isOurs() })
		}, (*token).drop)},
	{"empty-value-is-none", "TestCorpus", "An extension without bytes was mistaken for no extension.",
		on(paramsType, func(t *token) bool {
			any, _ := stdin.AnyParts(t.body())
			_, value := stdin.AnyParts([]byte(any))
			return t.isOurs() && len(value) == 0
		}, (*token).drop)},
	{"damaged-extension-behind-ours-skipped", "TestWalkTokens",
		"The loop ends at the first options, and extensions are decoded in it.",
		on(paramsType, func(t *token) bool {
			_, rest := wire.Parse(t.body())
			return t.isBytes(extensions) && len(rest) > 0 && t.follows((*token).isOurs)
		}, (*token).drop)},
	{"second-piece-of-any-ignored", "TestCorpus", "A message that is there already was left as it is.",
		on(extensionType, func(t *token) bool { return isFirst(t) && t.follows(isFirst) }, (*token).drop)},
}

// isOurs reports whether a token of BootstrapParams is an extension with Options.
func (t *token) isOurs() bool {
	any, _ := stdin.AnyParts(t.body()) // which is the field 1 of an Extension
	url, _ := stdin.AnyParts([]byte(any))
	return t.isBytes(extensions) && namesOptions(url)
}

// typeURLs are bugs in comparing type URLs, and in what becomes of another type.
var typeURLs = []Mutant{
	{"url-first-slash", "TestCorpus", "Index for LastIndex.",
		urls(func(url string) bool { return url[strings.Index(url, "/")+1:] == contract.OptionsName })},
	{"url-trailing-slash", "TestCorpus", "path.Base, which drops it.",
		urls(func(url string) bool { return namesOptions(strings.TrimRight(url, "/")) })},
	{"url-case-folded", "TestCorpus", "Windows.",
		urls(func(url string) bool { return strings.EqualFold(stdin.TypeName(url), contract.OptionsName) })},
	{"url-empty-is-ours", "TestCorpus", "No type was treated as the default type.",
		urls(func(url string) bool { return url == "" || namesOptions(url) })},
	{"url-ignored", "TestCorpus", "Only one type can stand there (rust-extensions' reader of the legacy Any).",
		urls(func(string) bool { return true })},
	{"json-fallback", "TestCorpus", "For debugging by hand.",
		where(failed, func(a *answer) {
			if opts := new(options.Options); protojson.Unmarshal(a.payload, opts) == nil {
				a.opts, a.err = opts, nil
			}
		})},
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

// withoutEarly is a bug that loses the field 2 of messages where it stands before the
// first field 1.
func withoutEarly(md protoreflect.MessageDescriptor) bug {
	return on(md, func(t *token) bool { return t.isBytes(2) && !t.follows(isFirst) && t.precedes(isFirst) },
		(*token).drop)
}

func isFirst(t *token) bool { return t.isBytes(1) }

// encodings are bugs in tags, lengths and varints, before a field means anything.
var encodings = []Mutant{
	{"tag-cut-to-32-bits-in-entry", "TestCorpus", "Map entries are decoded by other code, with a uint32 for the tag.",
		tags(entryType, (*token).isTooHigh, func(t *token) { t.set(t.num&(1<<29-1), t.typ) })},
	{"number-above-31-bits-skipped", "TestCorpus", "A number was compared as an int32, and may be negative.",
		on(nil, func(t *token) bool { return t.num > math.MaxInt32 && t.num <= math.MaxUint32 }, (*token).skip)},
	{"number-zero-fixed32-skipped", "TestCorpus", "A number that no field has is an unknown field.",
		on(nil, func(t *token) bool { return t.num == 0 && t.typ == protowire.Fixed32Type }, (*token).skip)},
	{"wide-tag-skipped", "TestCorpus", "A tag of six bytes or more was taken for a number that nobody knows.",
		on(nil, func(t *token) bool { return len(t.tag) > 5 }, (*token).skip)},
	{"wire-type-7-skipped", "TestCorpus", "A switch over the wire types without a default.",
		tags(nil, func(t *token) bool { return t.typ == 7 }, (*token).drop)},
	{"long-tags-refused", "TestCorpus", "Only the shortest form is right, in other formats.",
		on(optionsType, (*token).isWide, (*token).refuse)},
	{"length-cut-to-32-bits-in-options", "TestCorpus", "The framing is 64 bits wide, but a field's length is a uint32.",
		tags(optionsType, (*token).hasLength, cutLength)},
	{"length-past-end-cut", "TestCorpus", "min(n, len(b)), so that slicing cannot panic.",
		tags(nil, (*token).hasLength, func(t *token) {
			length, n := varint(t.val)
			t.setHead(min(length, uint64(len(t.val)-n)), n)
		})},
	{"bool-of-low-byte", "TestCorpus", "A bool is a byte.",
		on(nil, func(t *token) bool {
			v, _ := varint(t.val)
			return t.is(protoreflect.BoolKind, protowire.VarintType) && byte(v) == 0
		}, func(t *token) { t.val = []byte{0} })},
	{"over-64-bits-is-zero", "TestCorpus", "ConsumeVarint returns 0 with its error, and the error was dropped.",
		on(nil, func(t *token) bool {
			return t.typ == protowire.VarintType && len(t.val) == maxVarint && t.val[maxVarint-1] > 1
		}, func(t *token) { t.val = []byte{0} })},
}

// groups are bugs in skipping groups.
var groups = []Mutant{
	{"nested-group-ends-unmatched", "TestCorpus", "Only the end of the outermost group was compared with its start.",
		on(nil, func(t *token) bool { return t.typ == protowire.EndGroupType && t.depth > 1 },
			func(t *token) { t.set(t.group.num, t.typ) })},
	{"group-end-missing", "TestCorpus", "The end of the message ends everything in it.",
		misreading{message: func(m *message) {
			for _, start := range slices.Backward(m.open) {
				end := &token{in: m}
				end.set(start.num, protowire.EndGroupType)
				m.tokens = append(m.tokens, end)
			}
		}}.bug()},
	{"stray-end-of-group-ignored", "TestCorpus", "The end of a group has no value, so there was nothing to skip.",
		tags(nil, func(t *token) bool { return t.typ == protowire.EndGroupType && t.group == nil }, (*token).drop)},
	{"groups-deeper-than-64-refused", "TestCorpus", "A recursion limit of 64, where protobuf's is 100.",
		on(nil, func(t *token) bool { return t.typ == protowire.StartGroupType && t.depth >= 64 }, (*token).refuse)},
}

// wireTypes are bugs in what becomes of a known number with another wire type. That is an
// unknown field.
var wireTypes = []Mutant{
	{"wrong-wire-type-beside-right-one-refused", "TestWalkTokens", "A field is a string or a number, not both.",
		on(anyType, func(t *token) bool {
			return t.isWrongType() && slices.ContainsFunc(t.in.tokens, func(other *token) bool {
				return other.num == t.num && other.depth == 0 && !other.isWrongType()
			})
		}, (*token).refuse)},
	{"wrong-wire-type-loses-key", "TestWalkTokens", "A map entry with something else in it has no key (protobuf-es).",
		on(entryType, func(t *token) bool {
			return t.isBytes(1) && slices.ContainsFunc(t.in.tokens, (*token).isWrongType)
		}, (*token).drop)},
	{"packed-is-number", "TestCorpus", "A repeated number may be packed, and this one was read by the same code.",
		on(nil, func(t *token) bool { return t.is(protoreflect.Int32Kind, protowire.BytesType) }, func(t *token) {
			body := t.body()
			_, n := varint(body)
			t.setType(protowire.VarintType)
			t.val = body[:n]
		})},
	{"varint-is-empty-string", "TestCorpus", "A string that cannot be read is empty.",
		on(nil, func(t *token) bool { return t.is(protoreflect.StringKind, protowire.VarintType) },
			func(t *token) { t.setBody(nil) })},
	{"group-is-message", "TestCorpus", "A group of a known number is that field, in the encoding of proto2.",
		tags(nil, func(t *token) bool { return t.is(protoreflect.MessageKind, protowire.StartGroupType) },
			func(t *token) {
				if body, n := protowire.ConsumeGroup(protowire.Number(t.num), t.val); n > 0 {
					t.setType(protowire.BytesType)
					t.val = slices.Concat(wire.WideVarint(uint64(len(body)), n-len(body)), body, t.val[n:])
				}
			})},
}

// texts are bugs in strings.
var texts = []Mutant{
	{"utf8-10ffff-refused", "TestCorpus", "< for <= at the last code point.",
		on(nil, func(t *token) bool {
			return t.isText() && strings.ContainsRune(string(t.body()), utf8.MaxRune)
		}, (*token).refuse)},
	{"utf8-surrogate-accepted", "TestCorpus", "UTF-8 in three bytes was decoded by shifting, and then it was in range.",
		strs(nil, func(_ uint64, s string) string { return validIf(strings.Contains(s, "\xed\xa0"), s) })},
	{"utf8-unchecked-in-map-values", "TestWalkTokens", "The values of a map are read by other code.",
		strs(entryType, func(num uint64, s string) string { return validIf(num == 2, s) })},
	{"utf8-unchecked-in-long-strings", "TestWalkTexts", "A fast path for strings that are longer than a buffer.",
		strs(nil, func(_ uint64, s string) string { return validIf(len(s) > 64, s) })},
	{"utf8-of-overwritten-unchecked", "TestCorpus", "Only what a string is in the end was checked.",
		on(nil, func(t *token) bool {
			again := func(other *token) bool { return other.isBytes(t.num) }
			return t.isText() && !utf8.Valid(t.body()) && t.precedes(again)
		}, (*token).drop)},
	{"unicode-composed", "TestCorpus", "A name was compared with a file's on macOS: é in two code points.",
		strs(optionsType, func(_ uint64, s string) string { return strings.ReplaceAll(s, "e\u0301", "\u00e9") })},
	{"strings-to-65535", "TestWalkSizes", "A buffer of fixed size.",
		strs(optionsType, func(_ uint64, s string) string { return s[:min(65535, len(s))] })},
}

// strs is a bug in the strings of messages of a type.
func strs(md protoreflect.MessageDescriptor, change func(num uint64, s string) string) bug {
	return on(md, (*token).isText, func(t *token) {
		if s := string(t.body()); change(t.num, s) != s {
			t.setBody([]byte(change(t.num, s)))
		}
	})
}

func validIf(unchecked bool, s string) string {
	if unchecked {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// values are bugs in the options themselves: in the order of fields, in fields that occur
// again, in their values and in their number.
var values = []Mutant{
	{"zero-does-not-clear", "TestCorpus", "if v != 0 { x = v }: a zero does not overwrite what came before it.",
		on(optionsType, func(t *token) bool {
			v, _ := varint(t.val)
			return t.typ == protowire.VarintType && v == 0 && t.field() != nil && !t.field().HasPresence()
		}, (*token).drop)},
	{"empty-does-not-clear", "TestWalkTokens", `if s != "" { x = s }: an empty string does not overwrite another.`,
		on(optionsType, func(t *token) bool { return t.isText() && len(t.body()) == 0 }, (*token).drop)},
	{"entry-without-key-dropped", "TestCorpus", "An entry without a key cannot be looked up.",
		on(optionsType, func(t *token) bool {
			entry, rest := wire.Parse(t.body())
			return isAnnotation(t) && len(rest) == 0 &&
				!slices.ContainsFunc(entry, func(f wire.Field) bool { return f.Num == 1 })
		}, (*token).drop)},
	{"value-before-key-lost", "TestWalkTokens", "The value was stored under the key so far.",
		withoutEarly(entryType)},
	{"annotations-apart-lost", "TestCorpus", "A map was taken to be written in one piece.",
		on(optionsType, func(t *token) bool {
			isOther := func(t *token) bool { return !isAnnotation(t) && t.follows(isAnnotation) }
			return isAnnotation(t) && t.follows(isOther)
		}, (*token).drop)},
	{"at-most-1000-annotations", "TestWalkTokens", "A limit against abuse; what exceeds it was silently dropped.",
		on(optionsType, func(t *token) bool { return isAnnotation(t) && len(t.in.tokens) > 1000 }, (*token).drop)},
	{"false-is-unset", "TestCorpus", "An optional bool copied with an if.",
		on(optionsType, func(t *token) bool {
			v, _ := varint(t.val)
			return t.is(protoreflect.BoolKind, protowire.VarintType) && v == 0 && t.field().HasPresence()
		}, (*token).drop)},
	{"unknown-enum-is-zero", "TestCorpus", "A switch over the known values, with a default.",
		on(optionsType, func(t *token) bool {
			v, _ := varint(t.val)
			return t.is(protoreflect.EnumKind, protowire.VarintType) &&
				t.field().Enum().Values().ByNumber(protoreflect.EnumNumber(v)) == nil
		}, func(t *token) { t.val = []byte{0} })},
	{"sixteen-bits", "TestCorpus", "A processor count fits in 16 bits.",
		where(hasOptions, func(a *answer) { a.opts.VmProcessorCount = int32(int16(a.opts.VmProcessorCount)) })},
}

func isAnnotation(t *token) bool { return t.isBytes(annotations) }
