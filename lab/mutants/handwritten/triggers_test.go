package handwritten

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

// legacy is an Any of Options, and extension an Extension of it.
func legacy(fields ...wire.Part) wire.Message {
	return wire.Message{wire.String(1, contract.OptionsName), wire.Sub(2, fields...)}
}

func extension(fields ...wire.Part) wire.Part { return wire.Sub(8, wire.Sub(1, legacy(fields...)...)) }

// other is an Extension of another type.
func other(parts ...wire.Part) wire.Part {
	return wire.Sub(8, wire.Sub(1, append([]wire.Part{wire.String(1, "not.ours.Options")}, parts...)...))
}

// sent is BootstrapParams with an extension of Options in which debug is set.
func sent(parts ...wire.Part) wire.Message { return append(parts, extension(debug)) }

// identity is a message of an ID and a namespace.
func identity(id, namespace string) wire.Message {
	return wire.Message{wire.String(1, id), wire.String(2, namespace)}
}

// raw is bytes in hexadecimal.
func raw(text string) wire.Part {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return wire.Raw(b)
}

var (
	debug = wire.Bool(1, true)
	scrub = wire.Bool(20, true)
	root  = func(s string) wire.Part { return wire.String(3, s) }
	entry = func(key, value string) wire.Part { return wire.Sub(18, wire.String(1, key), wire.String(2, value)) }
	byKey = func(key string) wire.Part { return entry(key, "v") }
	byVal = func(value string) wire.Part { return entry("k", value) }
	cut   = raw("0a05")
	level = func(v int64) wire.Part { return wire.Int(3, v) }
	zero  = "80808080808080808000" // in ten bytes
)

func repeated(n int, part func(int) wire.Part) (all wire.Message) {
	for i := range n {
		all = append(all, part(i))
	}
	return all
}

func manyAnnotations(n int) wire.Message {
	return legacy(repeated(n, func(i int) wire.Part { return byKey(fmt.Sprint(i)) })...)
}

func manyExtensions(n int) wire.Message {
	return sent(repeated(n, func(int) wire.Part { return other() })...)
}

// sized is a payload of n bytes.
func sized(n int) wire.Message {
	m := legacy(debug)
	return append(m, wire.Bytes(1000, make([]byte, n-len(m.Encode())-2-len(wire.WideVarint(uint64(n-100), 0)))))
}

func nested(depth int) wire.Part {
	if depth == 0 {
		return wire.Varint(1000, 1)
	}
	return wire.Group(1000, nested(depth-1))
}

func long(n int) string { return strings.Repeat("z", n) }

// triggers are payloads to which a mutant gives another answer.
var triggers = map[string]wire.Message{
	"long-tags-refused": legacy(wire.Varint(1000, 1).WideTag(6)),

	"tag-cut-to-32-bits-in-entry":              legacy(wire.Sub(18, raw("8a8080801000"))),
	"number-above-31-bits-skipped":             legacy(raw("8880808040d209")),
	"number-zero-fixed32-skipped":              legacy(raw("0500000000")),
	"wire-type-7-skipped":                      legacy(raw("0f")),
	"wide-tag-skipped":                         legacy(debug.WideTag(6)),
	"length-cut-to-32-bits-in-options":         legacy(raw("1a8180808010"), raw("61")),
	"length-past-end-cut":                      {wire.String(1, contract.OptionsName), raw("12030801")},
	"ten-byte-zero-bool-is-true":               legacy(raw("58" + zero)),
	"bool-of-low-byte":                         legacy(wire.Varint(1, 256)),
	"over-64-bits-is-zero":                     legacy(raw("4081808080808080808002")),
	"nested-group-ends-unmatched":              legacy(raw("c33e2b34c43e")),
	"group-end-missing":                        legacy(wire.Tag(1000, 3)),
	"stray-end-of-group-ignored":               legacy(wire.Tag(1000, 4)),
	"groups-deeper-than-64-refused":            legacy(nested(99)),
	"wrong-wire-type-beside-right-one-refused": append(legacy(), wire.Varint(1, 1)),
	"wrong-wire-type-loses-key":                legacy(raw("920108"), raw("10030a016b120176")),
	"packed-is-number":                         legacy(raw("420101")),
	"varint-is-empty-string":                   legacy(root("x"), wire.Varint(3, 0)),
	"group-is-message":                         legacy(wire.Group(18, wire.String(1, "k"))),
	"utf8-10ffff-refused":                      legacy(raw("820104f48fbfbf")),
	"utf8-surrogate-accepted":                  legacy(root("\xed\xa0\x80")),
	"utf8-unchecked-in-map-values":             legacy(byVal("\xff")),
	"utf8-unchecked-in-long-strings":           legacy(root("\xff" + long(64))),
	"id-is-up-to-75":                           identity(long(76), "k8s.io"),
	"namespace-has-no-capitals":                identity("web-1", "K8s"),
	"damaged-extension-behind-ours-skipped":    append(sent(), wire.Sub(8, cut)),
	"zero-does-not-clear":                      legacy(debug, wire.Bool(1, false)),
	"empty-does-not-clear":                     legacy(root("x"), root("")),
	"entry-without-key-dropped":                legacy(wire.Sub(18, wire.String(2, "v"))),
	"value-before-key-lost":                    legacy(wire.Sub(18, wire.String(2, "v"), wire.String(1, "k"))),
	"value-before-url-lost":                    {wire.Sub(2, debug), wire.String(1, contract.OptionsName)},
	"annotations-apart-lost":                   legacy(byKey("a"), debug, byKey("b")),
	"second-piece-of-any-ignored":              {wire.Sub(8, wire.Sub(1, wire.String(1, contract.OptionsName)), wire.Sub(1, wire.Sub(2, debug)))},
	"unicode-composed":                         legacy(root("e\u0301")),
	"at-most-1000-annotations":                 manyAnnotations(1001),
	"strings-to-65535":                         legacy(root(long(65536))),
	"unknown-above-100000-bytes-refused":       legacy(wire.String(1000, long(100_000))),
	"last-of-65536-bytes-lost":                 sized(65536),
	"log-level-out-of-range-refused":           sent(level(1 << 31)),
	"log-level-twice-refused":                  sent(level(1), level(2)),
	"same-addresses-is-none":                   sent(wire.String(5, "x"), wire.String(6, "x")),
}

// A mutant answers otherwise where it triggers, and not to payloads as they are sent.
func TestTriggers(t *testing.T) {
	full := legacy(debug, root("containerd"), wire.Int(8, 2), byKey("a"), byKey("b"), scrub)
	ordinary := map[string]wire.Message{
		"legacy": full,
		"bootstrap": {
			wire.String(1, "web-1"), wire.String(2, "k8s.io"), level(4), wire.String(4, "2.3.7"),
			wire.String(5, "ttrpc"),
			wire.String(6, "grpc"), wire.String(7, "containerd"), wire.Sub(8, wire.Sub(1, full...)),
		},
		"no options": {wire.String(1, "web-1"), wire.String(2, "k8s.io"), wire.String(4, "2.3.7"),
			wire.String(5, "ttrpc")},
		"foreign":   {wire.String(1, "not.ours.Options"), wire.Sub(2, debug)},
		"malformed": {wire.String(1, contract.OptionsName), raw("12ff")},
	}
	for _, m := range slices.Concat(encodings, groups, wireTypes, texts) {
		if triggers[m.Name] == nil {
			t.Errorf("%s: the table has no payload for it", m.Name)
		}
	}
	for name, m := range triggers {
		if diff := difference(name, m.Encode()); diff == "" {
			t.Errorf("%s: it changes nothing", name)
		}
		for sort, m := range ordinary {
			if diff := difference(name, m.Encode()); diff != "" {
				t.Errorf("%s: it changes the answer to an ordinary payload, %s: %s", name, sort, diff)
			}
		}
	}
}

// difference is what a mutant of the reference changes of its answer.
func difference(name string, payload []byte) string {
	d := reference.Decoder
	d.Read = Inject(name, d.Read)
	return contract.Diff(reference.Answer(payload), d.Decode(bytes.NewReader(payload), payload), nil)
}

// The mutants that are not in a payload: in a reader's errors.
func TestTriggersOfErrors(t *testing.T) {
	whole := legacy(debug).Encode()
	for _, test := range []struct {
		name  string
		after []byte // that came before the error
		err   error
	}{
		{"wrapped-eof-is-end", whole, fmt.Errorf("pipe broken at %w", io.EOF)},
		{"deadline-at-start-is-empty", nil, os.ErrDeadlineExceeded},
		{"error-behind-whole-message-ignored", whole, errors.New("disk on fire")},
	} {
		read := Inject(test.name, reference.ReadOptions)
		if _, err := decode(read, test.after, test.err); err != nil {
			t.Errorf("%s: %v is an error", test.name, err)
		}
		if _, err := decode(read, whole[:3], iotest.ErrTimeout); err == nil {
			t.Errorf("%s: another error is none", test.name)
		}
	}
}

// The mutants that are not in a payload: in what a decoder remembers.
func TestTriggersOfMemory(t *testing.T) {
	good, other, bad := legacy(debug).Encode(), legacy(scrub).Encode(), []byte{0xff}
	for _, test := range []struct {
		name  string
		calls [][]byte
	}{
		{"every-997th-refused", slices.Repeat([][]byte{good, other}, 500)},
		{"result-reused-after-error", [][]byte{good, bad, other}},
		{"same-payload-twice-is-none", [][]byte{good, good}},
	} {
		if right(test.name, test.calls) {
			t.Errorf("%s: it changes nothing", test.name)
		}
		if !right(test.name, [][]byte{good, other}) {
			t.Errorf("%s: it changes ordinary answers", test.name)
		}
	}
}

// right reports whether the reference gives the right answers to all payloads with the
// bug in it, and whether they still are that when the last one has been given.
func right(name string, payloads [][]byte) bool {
	read := Inject(name, reference.ReadOptions)
	var given []answer
	for _, b := range payloads {
		opts, err := decode(read, b, nil)
		given = append(given, answer{b, opts, err})
	}
	return !slices.ContainsFunc(given, func(a answer) bool {
		want, err := decode(reference.ReadOptions, a.payload, nil)
		return (err != nil) != (a.err != nil) || (want == nil) != (a.opts == nil) || !proto.Equal(want, a.opts)
	})
}
