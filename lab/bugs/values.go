package bugs

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// values are bugs in the options themselves: in the order of fields, in fields that occur
// again, in their values and in their number.
var values = []Mutant{
	{"zero-does-not-clear", "TestCorpus", "if v != 0 { x = v }: a zero does not overwrite what came before it.",
		on(optionsType, func(t *token) bool {
			v, ok := t.varint()
			return ok && v == 0 && t.fd != nil && !t.fd.HasPresence()
		}, (*token).drop)},
	{"empty-does-not-clear", "TestWalkElements", `if s != "" { x = s }: an empty string does not overwrite another.`,
		on(optionsType, func(t *token) bool { return t.isText() && len(t.body()) == 0 }, (*token).drop)},
	{"entry-without-key-dropped", "TestCorpus", "An entry without a key cannot be looked up.",
		on(optionsType, func(t *token) bool {
			entry := parse(entryType, t.body())
			return t.isBytes(annotations) && len(entry.rest) == 0 &&
				!slices.ContainsFunc(entry.tokens, func(t *token) bool { return t.isBytes(1) })
		}, (*token).drop)},
	{"value-before-key-lost", "TestWalkElements", "The value was stored under the key so far.",
		withoutEarly(entryType)},
	{"annotations-apart-lost", "TestCorpus", "A map was taken to be written in one piece.",
		messages(optionsType, func(m *message) {
			before, ended := uint64(0), false
			for _, t := range m.tokens {
				ended = ended || before == annotations && t.num != annotations
				before = t.num
				if ended && t.isBytes(annotations) {
					t.drop()
				}
			}
		})},
	{"at-most-1000-annotations", "TestWalkElements", "A limit against abuse; what exceeds it was silently dropped.",
		atMost(1000, optionsType, annotations)},
	{"false-is-unset", "TestCorpus", "An optional bool copied with an if.",
		cleared(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			return fd.HasPresence() && fd.Kind() == protoreflect.BoolKind && !v.Bool()
		})},
	{"unknown-enum-is-zero", "TestCorpus", "A switch over the known values, with a default.",
		cleared(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			return fd.Kind() == protoreflect.EnumKind && fd.Enum().Values().ByNumber(v.Enum()) == nil
		})},
	{"sixteen-bits", "TestCorpus", "A processor count fits in 16 bits.",
		where(hasOptions, func(a *answer) { a.opts.VmProcessorCount = int32(int16(a.opts.VmProcessorCount)) })},
}

// cleared is a bug that loses fields with certain values.
func cleared(is func(protoreflect.FieldDescriptor, protoreflect.Value) bool) bug {
	return where(hasOptions, func(a *answer) {
		for fd, v := range a.opts.ProtoReflect().Range {
			if is(fd, v) {
				a.opts.ProtoReflect().Clear(fd)
			}
		}
	})
}

// results are bugs in what is handed back, and in what is kept for the next call.
var results = []Mutant{
	{"errors-are-defaults", "TestCorpus", "A container with default options is better than none.",
		where(failed, giveDefaults)},
	{"value-with-error", "TestCorpus", "return opts, err at the end of everything.",
		where(failed, func(a *answer) { a.opts = new(options.Options) })},
	{"error-says-nothing", "TestCorpus", "errors.New of a message that was to be filled in.",
		where(failed, func(a *answer) { a.opts, a.err = nil, errors.New("") })},
	{"one-byte-panics", "TestCorpus", "b[1] after a check that b is not empty.",
		payloads(func(b []byte) []byte {
			if len(b) > 0 {
				_ = b[1]
			}
			return b
		})},
	{"result-copied-flat", "TestNoSharedState", "A cache copies the result, but not its annotations.",
		remembering(hasOptions, func(last *answer, a *answer) {
			if !bytes.Equal(last.payload, a.payload) {
				*last = *a
			}
			a.opts = proto.Clone(a.opts).(*options.Options)
			a.opts.DefaultContainerAnnotations = last.opts.DefaultContainerAnnotations
		})},
	{"result-reused-after-error", "TestWalkPairs", "A pool gets the last result's memory back.",
		remembering(always, func(last *answer, a *answer) {
			switch {
			case failed(a):
				last.err = a.err
				return
			case !hasOptions(a):
				return
			case failed(last) && last.opts != nil:
				proto.Reset(last.opts)
				proto.Merge(last.opts, a.opts)
				a.opts = last.opts
			}
			*last = *a
		})},
	{"same-payload-twice-is-none", "TestWalkPairs", "Options that were sent again were taken for no change.",
		remembering(always, func(last *[]byte, a *answer) {
			if hasOptions(a) && bytes.Equal(*last, a.payload) {
				giveDefaults(a)
			}
			*last = a.payload
		})},
	{"every-997th-refused", "TestWalkElements", "A counter that overflows, a finalizer, a race: something rare.",
		remembering(hasOptions, func(n *int, a *answer) {
			if *n++; *n%997 == 0 {
				refuse(a)
			}
		})},
	{"input-aliased", "TestNoAliasing", "A bytes.Buffer's own bytes, and strings made of them without a copy.",
		buffered(func(b []byte, opts *options.Options) {
			root := opts.GetRegistryRoot()
			if at := strings.Index(string(b), root); at >= 0 && root != "" {
				opts.RegistryRoot = unsafe.String(&b[at], len(root))
			}
		})},
	{"input-cleared", "TestNoAliasing", "A secret was wiped from the buffer that it was read from.",
		buffered(func(b []byte, _ *options.Options) { clear(b) })},
}

func always(*answer) bool { return true }

// remembering is a bug of something that is kept from one call to the next.
func remembering[T any](applies func(*answer) bool, change func(keep *T, a *answer)) bug {
	var mu sync.Mutex
	var keep T
	return where(applies, func(a *answer) {
		mu.Lock()
		defer mu.Unlock()
		change(&keep, a)
	})
}

// buffered is a bug in the use of a bytes.Buffer's own bytes.
func buffered(use func(b []byte, opts *options.Options)) bug {
	return func(next Read, r io.Reader) (*options.Options, error) {
		buf, ok := r.(*bytes.Buffer)
		if !ok {
			return next(r)
		}
		opts, err := next(bytes.NewReader(buf.Bytes()))
		use(buf.Bytes(), opts)
		return opts, err
	}
}

// costs are bugs that give the right answer, but late.
var costs = []Mutant{
	{"annotations-grow-by-64", "TestLinear", "A list that grows by so many, and not by half: quadratic.",
		where(hasOptions, func(a *answer) {
			var keys []string
			for k := range a.opts.DefaultContainerAnnotations {
				if len(keys) == cap(keys) {
					keys = append(make([]string, 0, len(keys)+64), keys...)
				}
				keys = append(keys, k)
			}
		})},
	{"annotations-searched", "TestLinear", "A list of pairs instead of a map, searched for each key: quadratic.",
		where(hasOptions, func(a *answer) {
			var keys []string
			for k := range a.opts.DefaultContainerAnnotations {
				if !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
		})},
	{"length-trusted", "TestSmallIsCheap", "A buffer as large as the message's first field says it is.",
		payloads(func(b []byte) []byte {
			if _, typ, n := protowire.ConsumeTag(b); typ == protowire.BytesType && n > 0 {
				size, _ := protowire.ConsumeVarint(b[n:])
				runtime.KeepAlive(make([]byte, min(size, 1<<31))) // the bug has no limit; the machine has
			}
			return b
		})},
	{"empty-field-hangs", "TestCorpus", "at += len(value), without the tag's length: for ever at a field of nothing.",
		payloads(func(b []byte) []byte {
			all, rest := wire.Parse(b)
			for len(rest) == 0 && len(all) > 0 {
				if len(all[0].Value) > 0 {
					all = all[1:]
				}
			}
			return b
		})},
}
