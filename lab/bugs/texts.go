package bugs

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// words are bugs in what takes a text for something of its own on its way: the reasons are
// the layers that do. The last are of what the code under test itself says.
var words = slices.Concat(killedBy("TestWalkTokens", []row{
	{"keys-of-other-case-merged", "Windows: environment variables, and the registry.", merged(strings.ToLower)},
	{"keys-leading-zero-merged", "PHP and Lua: a key of digits is a number.",
		merged(func(s string) string { return strings.TrimLeft(s, "0") })},
}), killedBy("TestWalkTexts", []row{
	{"key-proto-lost", "JavaScript: an object for a map.", lost("__proto__")},
	{"value-leading-zero-lost", "strconv.Atoi.", value(`^0+(\d+)$`, "$1")},
	{"value-above-53-bits-rounded", "JSON: a number.", value(`^9007199254740993$`, "9007199254740992")},
	{"value-yes-is-true", "YAML 1.1.", value(`^(yes|Yes|YES)$`, "true")},
	{"value-quote-undoubled", "SQL, CSV, PowerShell.", value(`''`, "'")},
	{"value-command-run", "Shells.", value("\\$\\(.*\\)|`.*`", "")},
	{"value-template-rendered", "text/template.", value(`\{\{.*\}\}`, "<no value>")},
	{"value-sharp-s-folded", "Unicode: case.", value(`ß|ẞ`, "ss")},
	{"value-joiner-lost", "What cannot be seen.", value("[\u00ad\u200b\u200d\ufe0f]", "")},
	{"value-return-is-newline", "Files of text.", value(`\r([^\n]|$)`, "\n$1")},

	{"image-latest-added", "Image references.", text(`^\w+(\.\w+)+(/[\w-]+)+$`, "$0:latest")},
	{"path-last-dot-lost", "Win32.", text(`([^.])\.$`, "$1")},
	{"path-unc-shortened", "Windows: the long form.", text(`^\\\\\?\\UNC\\`, `\\`)},
	{"url-of-file-is-path", "net/url.", text(`^file:///`, "")},

	{"type-url-scheme-refused", "A URL of the web, from which the type was to be fetched.",
		urls(func(url string) bool { return namesOptions(url) && !strings.Contains(url, "://") })},
}), killedBy("TestWalkConstants", []row{
	{"type-of-statistics-accepted", "Another message of hcsshim's, with a field 1 and a field 2.",
		urls(func(url string) bool { return namesOptions(url) || url == "containerd.runhcs.stats.v1.Statistics" })},
	{"annotation-privileged-lost", "No default may make a container privileged.",
		lost("io.microsoft.virtualmachine.lcow.privileged")},
}))

// lost is a bug that loses annotations by their key.
func lost(key string) bug {
	return on(optionsType, func(t *token) bool { return isAnnotation(t) && t.key() == key }, (*token).drop)
}

// merged is a bug that takes annotations for one, where same makes their keys the same.
func merged(same func(string) string) bug {
	return overwritten(func(before, t *token) bool {
		return before.key() != t.key() && same(before.key()) == same(t.key())
	})
}

// value is a bug in values of annotations that match, text one in texts of Options themselves.
func value(pattern, by string) bug { return rewrite(entryType, 2, pattern, by) }
func text(pattern, by string) bug  { return rewrite(optionsType, 0, pattern, by) }

// rewrite is a bug in strings of messages of a type, in a field or, if that is 0, in all.
func rewrite(md protoreflect.MessageDescriptor, num uint64, pattern, by string) bug {
	re := regexp.MustCompile(pattern)
	return strs(md, func(n uint64, s string) string {
		if num == 0 || num == n {
			s = re.ReplaceAllString(s, by)
		}
		return s
	})
}

// strs is a bug in the strings of messages of a type; nil is all types.
func strs(md protoreflect.MessageDescriptor, change func(num uint64, s string) string) bug {
	return on(md, (*token).isText, func(t *token) {
		s := string(t.body())
		if changed := change(t.num, s); changed != s {
			t.setBody([]byte(changed))
		}
	})
}

// texts are bugs in what is UTF-8: forms that lenient decoders take for text, and text that
// strict ones refuse.
var texts = slices.Concat(killedBy("TestCorpus", []row{
	{"utf8-10ffff-refused", "< for <= at the last code point.", refuses(`\x{10ffff}`)},
	{"utf8-of-overwritten-unchecked", "Only what a string is in the end was checked.",
		on(nil, func(t *token) bool {
			again := func(other *token) bool { return other.isBytes(t.num) }
			return t.isText() && !utf8.Valid(t.body()) && t.precedes(again)
		}, (*token).drop)},
}), killedBy("TestWalkTokens", []row{
	{"utf8-unchecked-in-map-values", "The values of a map are read by other code.",
		strs(entryType, func(num uint64, s string) string { return validIf(num == 2, s) })},
}), killedBy("TestWalkTexts", []row{
	{"utf8-modified-accepted", "Java's modified UTF-8, in which NUL has two bytes.", accepts(`\xc0\x80`)},
	{"utf8-overlong-letter-accepted", "C0 begins no character; C1 was forgotten.", accepts(`\xc1[\x80-\xbf]`)},
	{"utf8-low-surrogate-accepted", "Only the high ones were refused.", accepts(`\xed[\xb0-\xbf][\x80-\xbf]`)},
	{"utf8-cesu-8-accepted", "Two surrogates of three bytes each were taken for a character, as databases have them.",
		accepts(`\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]`)},
	{"utf8-of-five-bytes-accepted", "RFC 2279, which had forms of five bytes.", accepts(`[\xf8-\xfb][\x80-\xbf]{4}`)},
	{"utf8-third-byte-unchecked", "A loop over the bytes that follow ends one too early.",
		accepts(`[\xe0-\xef][\x80-\xbf][^\x80-\xbf]`)},
	{"utf8-cut-of-four-accepted", "What a text ends with was left to a next one, which never came.",
		accepts(`[\xf0-\xf7][\x80-\xbf]{0,2}$`)},
	{"utf8-d7ff-refused", "< for <= below the surrogates.", refuses(`\x{d7ff}`)},
	{"utf8-fdd0-refused", "A noncharacter was taken for no character.", refuses(`[\x{fdd0}-\x{fdef}]`)},
	{"utf8-c1-controls-refused", "Controls of Latin-1 were taken for binary data.", refuses(`[\x80-\x9f]`)},
	{"utf8-unchecked-in-long-keys", "A fast path for keys that are longer than a buffer.",
		strs(entryType, func(num uint64, s string) string { return validIf(num == 1 && len(s) > 64, s) })},
	{"utf8-unchecked-behind-100000-bytes", "Only the beginning of a text was looked at.",
		strs(nil, func(_ uint64, s string) string {
			n := min(len(s), 100_000)
			return s[:n] + validIf(true, s[n:])
		})},
}))

// validIf is a text as a decoder takes it that does not check it.
func validIf(unchecked bool, s string) string {
	if unchecked {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// refuses is a bug that takes characters that match for none.
func refuses(pattern string) bug {
	re := regexp.MustCompile(pattern)
	return on(nil, func(t *token) bool { return t.isText() && re.Match(t.body()) }, (*token).refuse)
}

// accepts is a bug that takes bytes for a character that match; the pattern has them as Latin-1.
func accepts(pattern string) bug {
	re := regexp.MustCompile(pattern)
	return strs(nil, func(_ uint64, s string) string {
		if utf8.ValidString(s) {
			return s
		}
		latin1 := make([]rune, len(s))
		for i := range len(s) {
			latin1[i] = rune(s[i])
		}
		var b []byte
		for _, r := range re.ReplaceAllString(string(latin1), "?") {
			b = append(b, byte(r))
		}
		return string(b)
	})
}

// across are bugs of decoders that read in chunks, where one ends within something, or that have
// too small a buffer.
var across = killedBy("TestWalkSizes", []row{
	{"character-across-65536-refused", "A text was checked in chunks.",
		on(nil, func(t *token) bool {
			text := t.body()
			return t.isText() && len(text) > 1<<16 && !utf8.RuneStart(text[1<<16])
		}, (*token).refuse)},
	{"tag-across-32768-refused", "A varint was read from one chunk.",
		on(nil, func(t *token) bool { return isAcross(1<<15, t.at, len(t.tag)) }, (*token).refuse)},
	{"length-across-1024-refused", "A varint was read from one chunk.",
		on(nil, func(t *token) bool {
			return t.typ == protowire.BytesType && isAcross(1024, t.at+len(t.tag), len(t.val)-len(t.body()))
		}, (*token).refuse)},
	{"number-across-65536-refused", "A varint was read from one chunk.",
		on(nil, func(t *token) bool {
			return t.typ == protowire.VarintType && isAcross(1<<16, t.at+len(t.tag), len(t.val))
		}, (*token).refuse)},
	{"strings-to-65535", "A buffer of fixed size.",
		strs(optionsType, func(_ uint64, s string) string { return s[:min(65535, len(s))] })},
})

// isAcross reports whether a multiple of size stands within so many bytes from an offset on.
func isAcross(size, at, n int) bool { return n > 1 && at/size != (at+n-1)/size }
