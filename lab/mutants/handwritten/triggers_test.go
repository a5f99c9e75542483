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
	"syscall"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/wire"
)

// legacy is an Any of Options, and extension an Extension of it.
func legacy(fields ...wire.Part) wire.Message {
	return wire.Message{wire.String(1, ours), wire.Sub(2, fields...)}
}

func extension(fields ...wire.Part) wire.Part { return wire.Sub(8, wire.Sub(1, legacy(fields...)...)) }

// other is an Extension of another type.
func other(parts ...wire.Part) wire.Part {
	return wire.Sub(8, wire.Sub(1, append([]wire.Part{wire.String(1, notOurs)}, parts...)...))
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

// triggers are payloads to which a bug makes the answer another one.
var triggers = map[string]wire.Message{
	"tag-cut-to-32-bits":               legacy(raw("888080801001")),
	"tag-cut-to-32-bits-at-top":        append(legacy(), raw("c280808010"), raw("00")),
	"tag-cut-to-32-bits-in-entry":      legacy(wire.Sub(18, raw("8a8080801000"))),
	"number-cut-to-32-bits":            legacy(wire.Tag(1<<32+1, 0), raw("01")),
	"number-above-29-bits-skipped":     legacy(wire.Tag(1<<29, 0), raw("01")),
	"number-above-31-bits-skipped":     legacy(raw("8880808040d209")),
	"number-above-32-bits-skipped":     legacy(raw("8880808080800fd209")),
	"number-zero-varint-skipped":       legacy(raw("0001")),
	"number-zero-fixed32-skipped":      legacy(raw("0500000000")),
	"number-zero-fixed64-skipped":      legacy(raw("010000000000000000")),
	"number-zero-bytes-skipped":        legacy(raw("020100")),
	"number-zero-group-skipped":        legacy(raw("0304")),
	"zero-tag-is-end":                  append(legacy(), raw("00")),
	"wire-type-6-skipped":              legacy(raw("0e")),
	"wire-type-7-skipped":              legacy(raw("0f")),
	"wide-tag-skipped":                 legacy(debug.WideTag(6)),
	"length-cut-to-32-bits":            {wire.String(1, ours), raw("1282808080100801")},
	"length-cut-to-32-bits-in-options": legacy(raw("1a8180808010"), raw("61")),
	"length-past-end-cut":              {wire.String(1, ours), raw("12030801")},

	"long-zero-bool-is-true":     legacy(wire.Bool(1, false).Wide(2)),
	"ten-byte-zero-bool-is-true": legacy(raw("58" + zero)),
	"bool-cut-to-32-bits":        legacy(wire.Varint(1, 1<<32)),
	"bool-of-low-bit":            legacy(wire.Varint(1, 2)),
	"bool-of-low-byte":           legacy(wire.Varint(1, 256)),
	"bool-of-1-only":             legacy(wire.Varint(1, 2)),
	"over-64-bits-bool-is-true":  legacy(raw("0880808080808080808002")),
	"over-64-bits-is-zero":       legacy(raw("4081808080808080808002")),

	"group-ends-unmatched":                  legacy(raw("c33e2b34c43e")),
	"nested-group-ends-unmatched":           legacy(raw("c33e2b34c43e")),
	"group-ends-at-first-end":               legacy(wire.Group(1000, wire.Group(1001))),
	"group-ends-at-first-end-of-its-number": legacy(wire.Group(1000, wire.Group(1000))),
	"group-end-missing":                     legacy(wire.Tag(1000, 3)),
	"stray-end-of-known-group-ignored":      legacy(wire.Tag(1, 4)),
	"stray-end-of-unknown-group-ignored":    legacy(wire.Tag(1000, 4)),
	"stray-end-is-end":                      legacy(wire.Tag(1000, 4)),
	"groups-deeper-than-64-refused":         legacy(nested(99)),
	"groups-deeper-than-32-refused":         legacy(nested(33)),
	"groups-deeper-than-100-end-message":    legacy(nested(101), debug),

	"wrong-wire-type-in-params-refused":        sent(wire.Varint(4, 1)),
	"wrong-wire-type-in-extension-refused":     {wire.Sub(8, wire.Varint(1, 1), wire.Sub(1, legacy()...))},
	"wrong-wire-type-in-any-refused":           {wire.Sub(8, wire.Sub(1, append(legacy(), wire.Varint(2, 1))...))},
	"wrong-wire-type-beside-right-one-refused": append(legacy(), wire.Varint(1, 1)),
	"wrong-wire-type-in-options-refused":       legacy(wire.String(8, "")),
	"wrong-wire-type-in-entry-refused":         legacy(wire.Sub(18, wire.Varint(1, 1))),
	"wrong-wire-type-loses-key":                legacy(raw("920108"), raw("10030a016b120176")),
	"bytes-are-false":                          legacy(debug, raw("0a00")),
	"fixed32-is-number":                        legacy(wire.Fixed32(8, 1)),
	"packed-is-number":                         legacy(raw("420101")),
	"varint-is-empty-string":                   legacy(root("x"), wire.Varint(3, 0)),
	"varint-is-empty-entry":                    legacy(raw("900100")),
	"varint-is-empty-extension":                append(legacy(), wire.Varint(8, 0)),
	"group-is-message":                         legacy(wire.Group(18, wire.String(1, "k"))),

	"utf8-above-ffff-refused":         legacy(raw("7a04f09f9880")),
	"utf8-above-ffff-replaced":        legacy(raw("820104f48fbfbf")),
	"utf8-10ffff-refused":             legacy(raw("820104f48fbfbf")),
	"utf8-noncharacter-refused":       legacy(root("\uFFFE")),
	"utf8-replacement-refused":        legacy(root("\uFFFD")),
	"utf8-nul-refused":                legacy(root("\x00")),
	"utf8-surrogate-accepted":         legacy(root("\xed\xa0\x80")),
	"utf8-lone-continuation-accepted": legacy(root("\x80")),
	"utf8-f5-accepted":                legacy(root("\xf5\x80\x80\x80")),
	"utf8-lone-high-byte-accepted":    legacy(root("\xff")),
	"utf8-above-10ffff-accepted":      legacy(root("\xf4\x90\x80\x80")),
	"utf8-overlong-2-accepted":        legacy(root("\xc0\x80")),
	"utf8-overlong-3-accepted":        legacy(root("\xe0\x80\x80")),
	"utf8-overlong-4-accepted":        legacy(root("\xf0\x80\x80\x80")),
	"utf8-cut-off-accepted":           legacy(root("\xe6\x97")),
	"utf8-unchecked-in-keys":          legacy(byKey("\xff")),
	"utf8-unchecked-in-values":        legacy(byVal("\xff")),
	"utf8-unchecked-in-registry-root": legacy(root("\xff")),
	"utf8-unchecked-in-long-strings":  legacy(root("\xff" + long(64))),
	"utf8-unchecked-in-socket-dir":    sent(wire.String(9, "\xff")),
	"utf8-unchecked-in-id":            sent(wire.String(1, "\xff")),
	"utf8-unchecked-in-other-url":     sent(other(wire.String(1, "\xff"))),
	"utf8-of-overwritten-unchecked":   legacy(root("\xff"), root("x")),
	"overwritten-url-is-none":         append(wire.Message{wire.String(1, "\xff")}, legacy()...),

	"id-ends-in-newline":               identity("web-1\n", "k8s.io"),
	"id-doubles-separators":            identity("web--1", "k8s.io"),
	"id-ends-in-separator":             identity("web-", "k8s.io"),
	"id-starts-with-separator":         identity("-1", "k8s.io"),
	"id-has-colon":                     identity("web:1", "k8s.io"),
	"id-has-slash":                     identity("web/1", "k8s.io"),
	"id-has-letters-of-unicode":        identity("wéb", "k8s.io"),
	"id-has-no-underscore":             identity("web_1", "k8s.io"),
	"id-has-no-capitals":               identity("Web", "k8s.io"),
	"id-has-no-digit-first":            identity("1", "k8s.io"),
	"id-is-of-any-length":              identity(long(78), "k8s.io"),
	"id-is-up-to-75":                   identity(long(76), "k8s.io"),
	"id-is-up-to-77":                   identity(long(77), "k8s.io"),
	"namespace-ends-in-newline":        identity("web-1", "k8s.io\n"),
	"namespace-doubles-separators":     identity("web-1", "k8s..io"),
	"namespace-ends-in-separator":      identity("web-1", "k8s."),
	"namespace-starts-with-separator":  identity("web-1", ".io"),
	"namespace-has-colon":              identity("web-1", "k8s:io"),
	"namespace-has-slash":              identity("web-1", "k8s/io"),
	"namespace-has-letters-of-unicode": identity("web-1", "é"),
	"namespace-has-no-underscore":      identity("web-1", "k8s_io"),
	"namespace-has-no-capitals":        identity("web-1", "K8s"),
	"namespace-has-no-digit-first":     identity("web-1", "8"),
	"namespace-is-of-any-length":       identity("web-1", long(78)),
	"namespace-is-up-to-75":            identity("web-1", long(76)),
	"namespace-is-up-to-77":            identity("web-1", long(77)),

	"damaged-extension-before-ours-skipped": sent(wire.Sub(8, cut)),
	"damaged-any-before-ours-skipped":       sent(other(cut)),
	"damaged-extension-behind-ours-skipped": append(sent(), wire.Sub(8, cut)),
	"damaged-any-behind-ours-skipped":       append(sent(), other(cut)),
	"nothing-read-behind-ours":              append(sent(), cut),

	"zero-does-not-clear":         legacy(debug, wire.Bool(1, false)),
	"empty-does-not-clear":        legacy(root("x"), root("")),
	"first-of-scalars":            legacy(wire.Int(8, 1), wire.Int(8, 2)),
	"entry-without-key-dropped":   legacy(wire.Sub(18, wire.String(2, "v"))),
	"entry-without-value-dropped": legacy(wire.Sub(18, wire.String(1, "k"))),
	"value-before-key-lost":       legacy(wire.Sub(18, wire.String(2, "v"), wire.String(1, "k"))),
	"value-before-url-lost":       {wire.Sub(2, debug), wire.String(1, ours)},
	"scrub-logs-first-lost":       legacy(scrub, debug),
	"options-out-of-order-lost":   legacy(root("x"), debug),
	"annotations-apart-lost":      legacy(byKey("a"), debug, byKey("b")),
	"second-piece-of-any-ignored": {wire.Sub(8, wire.Sub(1, wire.String(1, ours)), wire.Sub(1, wire.Sub(2, debug)))},
	"last-piece-of-any-only":      {wire.Sub(8, wire.Sub(1, wire.String(1, ours)), wire.Sub(1, wire.Sub(2, debug)))},
	"pieces-of-any-refused":       {wire.Sub(8, wire.Sub(1, wire.String(1, ours)), wire.Sub(1, wire.Sub(2, debug)))},

	"percent-decoded":               legacy(root("%41")),
	"plus-decoded":                  legacy(root("a+b")),
	"registry-root-with-slashes":    legacy(root(`a\b`)),
	"backslashes-joined":            legacy(root(`\\a`)),
	"crlf-is-lf":                    legacy(root("a\r\n")),
	"bom-stripped":                  legacy(root("\uFEFFa")),
	"environment-expanded":          legacy(root("$X")),
	"windows-environment-expanded":  legacy(root("%X%")),
	"quotes-stripped":               legacy(root(`"a"`)),
	"unicode-composed":              legacy(root("e\u0301")),
	"annotation-keys-trimmed":       legacy(byKey(" k")),
	"annotation-keys-to-63":         legacy(byKey(long(64))),
	"microsoft-annotations-dropped": legacy(byKey("io.microsoft.x")),
	"first-of-annotations":          legacy(byVal("a"), byVal("b")),

	"at-most-64-annotations":             manyAnnotations(65),
	"at-most-128-annotations":            manyAnnotations(129),
	"at-most-256-annotations":            manyAnnotations(257),
	"at-most-1000-annotations":           manyAnnotations(1001),
	"at-most-64-extensions":              manyExtensions(64),
	"at-most-128-extensions":             manyExtensions(128),
	"at-most-256-extensions":             manyExtensions(256),
	"at-most-1000-extensions":            manyExtensions(1000),
	"strings-to-255":                     legacy(root(long(256))),
	"strings-to-4096":                    legacy(root(long(4097))),
	"strings-to-32767":                   legacy(root(long(32768))),
	"strings-to-65535":                   legacy(root(long(65536))),
	"unknown-above-200-bytes-refused":    legacy(wire.String(1000, long(200))),
	"unknown-above-100000-bytes-refused": legacy(wire.String(1000, long(100_000))),
	"last-of-512-bytes-lost":             sized(512),
	"last-of-4096-bytes-lost":            sized(4096),
	"last-of-65536-bytes-lost":           sized(65536),

	"log-level-out-of-range-refused":     sent(level(1 << 31)),
	"log-level-negative-refused":         sent(level(-1)),
	"log-level-unknown-refused":          sent(level(99)),
	"log-level-twice-refused":            sent(level(1), level(2)),
	"version-twice-refused":              sent(wire.String(4, "2.3"), wire.String(4, "2.4")),
	"neither-version-nor-binary-refused": sent(wire.String(5, "x"), wire.String(6, "y")),
	"neither-address-refused":            sent(wire.String(4, "2.3")),
	"log-level-with-socket-dir-is-none":  sent(level(1), wire.String(9, "x")),
	"namespace-equals-id-is-none":        sent(wire.String(1, "a"), wire.String(2, "a")),
	"no-id-is-none":                      sent(wire.String(2, "a")),
	"no-namespace-is-none":               sent(wire.String(1, "a")),
	"version-empty-is-none":              sent(wire.String(4, "")),
	"socket-dir-empty-is-none":           sent(wire.String(9, "")),
	"same-addresses-is-none":             sent(wire.String(5, "x"), wire.String(6, "x")),
}

// A bug changes the answer where it triggers, and none to payloads as they are sent.
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
		"foreign":   {wire.String(1, notOurs), wire.Sub(2, debug)},
		"malformed": {wire.String(1, ours), raw("12ff")},
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

// difference is what a bug in the reference changes of its answer.
func difference(bug string, payload []byte) string {
	d := reference.Decoder
	d.Read = Inject(bug, d.Read)
	return contract.Diff(reference.Answer(payload), d.Decode(bytes.NewReader(payload), payload), nil)
}

// The bugs that are not in a payload: in a reader's errors.
func TestTriggersOfErrors(t *testing.T) {
	whole := legacy(debug).Encode()
	for _, test := range []struct {
		bug   string
		after []byte // that came before the error
		err   error
	}{
		{"closed-file-is-end", whole, os.ErrClosed},
		{"broken-pipe-is-end", whole, &os.PathError{Op: "read", Path: "stdin", Err: syscall.EPIPE}},
		{"deadline-is-end", whole, os.ErrDeadlineExceeded},
		{"unexpected-eof-at-start-is-empty", nil, io.ErrUnexpectedEOF},
		{"closed-at-start-is-empty", nil, os.ErrClosed},
		{"deadline-at-start-is-empty", nil, os.ErrDeadlineExceeded},
		{"timeout-at-start-is-empty", nil, os.ErrDeadlineExceeded},
		{"error-after-whole-message-ignored", whole, errors.New("disk on fire")},
	} {
		if _, err := decode(Inject(test.bug, reference.ReadOptions), test.after, test.err); err != nil {
			t.Errorf("%s: %v is an error", test.bug, err)
		}
		if _, err := decode(Inject(test.bug, reference.ReadOptions), whole[:3], iotest.ErrTimeout); err == nil {
			t.Errorf("%s: another error is none", test.bug)
		}
	}
}

// The bugs that are not in a payload: in what a decoder remembers.
func TestTriggersOfMemory(t *testing.T) {
	good, other, bad := legacy(debug).Encode(), legacy(scrub).Encode(), []byte{0xff}
	thousand := slices.Repeat([][]byte{good, other}, 500)
	for _, test := range []struct {
		bug   string
		calls [][]byte
	}{
		{"every-thousandth-refused", thousand},
		{"every-997th-refused", thousand},
		{"result-reused-after-error", [][]byte{good, bad, other}},
		{"none-after-error", [][]byte{bad, good}},
		{"error-after-error", [][]byte{bad, good}},
		{"same-payload-twice-is-none", [][]byte{good, good}},
	} {
		if right(test.bug, test.calls) {
			t.Errorf("%s: it changes nothing", test.bug)
		}
		if !right(test.bug, [][]byte{good, other}) {
			t.Errorf("%s: it changes ordinary answers", test.bug)
		}
	}
}

// right reports whether the reference gives the right answers to all payloads with
// the bug in it, and whether they still are that when the last one has been given.
func right(bug string, payloads [][]byte) bool {
	read := Inject(bug, reference.ReadOptions)
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

// Every bug of these lists is in the table.
func TestEveryBugHasTrigger(t *testing.T) {
	for _, b := range slices.Concat(encodings, wireTypes, utf8Checks, identifiers, order, mangled, limits,
		ambientFields) {
		if triggers[b.Name] == nil {
			t.Errorf("%s: the table has no payload for it", b.Name)
		}
	}
}
