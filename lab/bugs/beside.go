package bugs

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// beside are bugs in which a value changes what becomes of the options that stand beside it.
var beside = slices.Concat(killedBy("TestWalkTokens", []row{
	{"moby-has-own-defaults", "A special case for one namespace.",
		unsent(func(m *message) bool { return m.last(2) == "moby" })},
	{"error-level-has-no-options", "Whoever wants to see errors only does not want Debug.",
		unsent(func(m *message) bool {
			return slices.ContainsFunc(m.tokens, func(t *token) bool {
				v, _ := varint(t.val)
				return t.is(protoreflect.EnumKind, protowire.VarintType) && v == 8
			})
		})},
	{"processors-of-sandbox-limited", "A sandbox with a machine of its own has at most 64.",
		inOptions(func(o *options.Options) bool { return o.SandboxIsolation == options.Options_HYPERVISOR },
			func(o *options.Options) { o.VmProcessorCount = min(o.VmProcessorCount, 64) })},
}), killedBy("TestWalkTexts", []row{
	{"version-with-build-has-no-options", "A version was compared with the first that sends them; one with + is none.",
		unsent(func(m *message) bool { return strings.Contains(m.last(4), "+") })},
	{"long-binary-has-no-options", "A path has at most MAX_PATH characters.",
		unsent(func(m *message) bool { return len(m.last(7)) > 255 })},
	{"address-with-scheme-has-no-options", "An address with a scheme other than unix was another runtime's.",
		unsent(func(m *message) bool {
			scheme, _, found := strings.Cut(m.last(6), ":")
			return found && len(scheme) > 1 && scheme != "unix"
		})},
	{"memory-annotation-wins", "The annotation is the newer way to say it.",
		inOptions(func(o *options.Options) bool {
			return o.DefaultContainerAnnotations["io.microsoft.virtualmachine.computetopology.memory.sizeinmb"] != ""
		}, func(o *options.Options) { o.VmMemorySizeInMb = 0 })},
	{"long-image-loses-annotations", "A buffer for all texts together.",
		inOptions(func(o *options.Options) bool { return len(o.SandboxImage) > 4000 },
			func(o *options.Options) { o.DefaultContainerAnnotations = nil })},
}))

// inOptions is a bug in some options that is seen only beside others.
func inOptions(is func(*options.Options) bool, change func(*options.Options)) bug {
	return where(func(a *answer) bool { return hasOptions(a) && is(a.opts) }, func(a *answer) { change(a.opts) })
}

// unsent is a bug that finds no options in some BootstrapParams.
func unsent(in func(*message) bool) bug {
	return misreading{message: func(m *message) {
		if m.md == paramsType && in(m) {
			m.keep(extensions, func(int, *token) bool { return false })
		}
	}}.bug()
}

// keep drops those of a message's length-delimited fields of a number, by their order, that are
// not to be kept.
func (m *message) keep(num uint64, keeps func(i int, t *token) bool) {
	i := 0
	for _, t := range m.tokens {
		if t.isBytes(num) {
			if !keeps(i, t) {
				t.drop()
			}
			i++
		}
	}
}

// inPieces are bugs in a message that comes in pieces, and in what is overwritten.
var inPieces = slices.Concat(killedBy("TestWalkPieces", []row{
	{"pieces-joined", "The bytes of a field that comes again were appended, and parsed in the end.",
		pieces(func(p []*token) {
			var all []byte
			for _, t := range p {
				all = append(all, t.body()...)
			}
			p[len(p)-1].setBody(all)
			p[0].in.keep(1, func(i int, _ *token) bool { return i == len(p)-1 })
		})},
	{"third-piece-ignored", "Two pieces were merged, and no more came in any try.",
		pieces(func(p []*token) { p[0].in.keep(1, func(i int, _ *token) bool { return i < 2 }) })},
	{"damaged-piece-between-ignored", "What the first and the last piece say was taken for all.",
		pieces(func(p []*token) {
			p[0].in.keep(1, func(i int, t *token) bool { return i == 0 || i == len(p)-1 || t.isSound() })
		})},
	{"overwritten-entry-unread", "Entries were decoded when they were looked up.",
		overwritten(strings.Clone, func(before, _ *token) bool { return !before.isSound() })},
}), killedBy("TestWalkTokens", []row{
	{"later-piece-keeps-url", `if s != "" { x = s }: an empty type URL does not overwrite another.`,
		pieces(func(p []*token) { withoutEmpty(p[1:], 1) })},
	{"later-piece-keeps-value", "if len(b) > 0 { x = b }: no value does not overwrite another.",
		pieces(func(p []*token) { withoutEmpty(p[1:], 2) })},
}), killedBy("TestWalkTexts", []row{
	{"overwritten-entry-unchecked", "Only the texts that are there in the end were checked.",
		overwritten(strings.Clone, func(before, _ *token) bool {
			return before.isSound() && !utf8.Valid(before.body())
		})},
}))

// isSound reports whether the message in a token can be read to its end.
func (t *token) isSound() bool {
	_, rest := wire.Parse(t.body())
	return len(rest) == 0
}

// pieces is a bug in an Any of at least two pieces.
func pieces(change func([]*token)) bug {
	return misreading{message: func(m *message) {
		p := slices.DeleteFunc(slices.Clone(m.tokens), func(t *token) bool { return !isFirst(t) })
		if m.md == extensionType && len(p) > 1 {
			change(p)
		}
	}}.bug()
}

// withoutEmpty removes a field from some pieces where it is empty.
func withoutEmpty(pieces []*token, num protowire.Number) {
	for _, t := range pieces {
		fields, b := wire.Parse(t.body())
		for _, f := range slices.Backward(fields) {
			if f.Num != num || f.Type != protowire.BytesType || len(f.Value) > 0 {
				b = slices.Concat(f.Raw, b)
			}
		}
		t.setBody(b)
	}
}

// sizes are bugs in what is long.
var sizes = slices.Concat(killedBy("TestWalkTexts", []row{
	{"type-url-above-100-bytes-refused", "No name is that long.", longURL(100)},
	{"type-url-above-4096-bytes-refused", "A buffer of fixed size.", longURL(4096)},
}), killedBy("TestLarge", []row{
	{"any-above-10-mib-cut", "io.LimitReader, as in containerd's pkg/shim.", cut(10<<20, false)},
	{"any-of-32-mib-cut", "io.LimitReader of one byte less.", cut(contract.MaxPayload-1, false)},
}), killedBy("TestWalkMany", []row{
	{"unknown-numbers-to-100", "Unknown fields are kept in a table.", manyUnknown(100)},
	{"unknown-numbers-to-100000", "A limit against abuse.", manyUnknown(100_000)},
	{"annotations-to-65535", "An index of 16 bits.", atMost(optionsType, annotations, 65_535)},
}))

// paramsSizes are bugs in what is long in BootstrapParams.
var paramsSizes = slices.Concat(killedBy("TestLarge", []row{
	{"params-above-10-mib-cut", "io.LimitReader, as in containerd's pkg/shim.", cut(10<<20, true)},
}), killedBy("TestWalkMany", []row{
	{"extensions-to-65535", "An index of 16 bits.", atMost(paramsType, extensions, 65_535)},
	{"pieces-to-100", "A limit against abuse.", atMost(extensionType, 1, 100)},
}))

// longURL is a bug in type URLs of Options that are longer.
func longURL(most int) bug {
	return urls(func(url string) bool { return namesOptions(url) && len(url) <= most })
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

// manyUnknown is a bug in messages with more unknown fields, each of another number.
func manyUnknown(most int) bug {
	return misreading{message: func(m *message) {
		seen := make(map[uint64]bool)
		for _, t := range m.tokens {
			if t.depth > 0 || t.field() != nil {
				continue
			}
			if seen[t.num] = true; len(seen) > most {
				t.refuse()
				return
			}
		}
	}}.bug()
}

// atMost is a bug that drops what exceeds a number of fields.
func atMost(md protoreflect.MessageDescriptor, num uint64, most int) bug {
	return misreading{message: func(m *message) {
		if m.md == md {
			m.keep(num, func(i int, _ *token) bool { return i < most })
		}
	}}.bug()
}
