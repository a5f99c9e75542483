package bugs

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// characters are bugs in what is UTF-8: forms that lenient decoders take for text, and text
// that strict ones refuse.
var characters = killedBy("TestWalkTexts", []row{
	{"utf8-modified-accepted", "Java's modified UTF-8, in which NUL has two bytes.", takes(2, 0, 0)},
	{"utf8-overlong-letter-accepted", "C0 begins no character; C1 was forgotten.", takes(2, 0x40, 0x7f)},
	{"utf8-low-surrogate-accepted", "Only the high ones were refused.", takes(3, 0xdc00, 0xdfff)},
	{"utf8-of-five-bytes-accepted", "RFC 2279, which had forms of five bytes.", takes(5, 0, 1<<31-1)},
	{"utf8-cesu-8-accepted", "Two surrogates of three bytes each were taken for a character, as databases have them.",
		accepts(func(s string) int {
			high, n := form(s)
			if low, m := form(s[n:]); utf16.DecodeRune(high, low) != utf8.RuneError {
				return n + m
			}
			return 0
		})},
	{"utf8-third-byte-unchecked", "A loop over the bytes that follow ends one too early.",
		accepts(func(s string) int {
			if len(s) > 2 && s[0]>>4 == 0xe && s[1]>>6 == 2 && s[2]>>6 != 2 {
				return 3
			}
			return 0
		})},
	{"utf8-cut-of-four-accepted", "What a text ends with was left to a next one, which never came.",
		accepts(func(s string) int {
			if s[0]>>3 == 0x1e && len(s) < 4 && !strings.ContainsFunc(s[1:], func(r rune) bool { return r < 0x80 }) {
				return len(s)
			}
			return 0
		})},
	{"utf8-d7ff-refused", "< for <= below the surrogates.", refuses(0xd7ff, 0xd7ff)},
	{"utf8-e000-refused", "<= for < above the surrogates.", refuses(0xe000, 0xe000)},
	{"utf8-lead-ed-refused", "ED was taken for the beginning of a surrogate: Hangul.", refuses(0xd000, 0xd7fe)},
	{"utf8-fdd0-refused", "A noncharacter was taken for no character.", refuses(0xfdd0, 0xfdef)},
	{"utf8-2fffe-refused", "A noncharacter was taken for no character.", refuses(0x2fffe, 0x2ffff)},
	{"utf8-c1-controls-refused", "Controls of Latin-1 were taken for binary data.", refuses(0x80, 0x9f)},
	{"utf8-unchecked-in-long-keys", "A fast path for keys that are longer than a buffer.",
		strs(entryType, func(num uint64, s string) string { return validIf(num == 1 && len(s) > 64, s) })},
	{"utf8-unchecked-behind-100000-bytes", "Only the beginning of a text was looked at.",
		strs(nil, func(_ uint64, s string) string {
			n := min(len(s), 100_000)
			return s[:n] + validIf(true, s[n:])
		})},
})

// form reads a character of up to six bytes by shifting; n is 0 if there is none.
func form(s string) (r rune, n int) {
	if s == "" {
		return 0, 0
	}
	n = max(1, bits.LeadingZeros8(^s[0]))
	if n > 6 || n > len(s) {
		return 0, 0
	}
	r = rune(s[0]) & (0xff >> (n + 1))
	for _, c := range []byte(s[1:n]) {
		if c>>6 != 2 {
			return 0, 0
		}
		r = r<<6 | rune(c&0x3f)
	}
	return r, n
}

// takes is a bug that takes forms of a size for the characters from low to high.
func takes(size int, low, high rune) bug {
	return accepts(func(s string) int {
		if r, n := form(s); n == size && low <= r && r <= high {
			return n
		}
		return 0
	})
}

// accepts is a bug that takes more for a character; size is how many bytes of it a text begins with.
func accepts(size func(string) int) bug {
	return strs(nil, func(_ uint64, s string) string {
		if utf8.ValidString(s) {
			return s
		}
		var b strings.Builder
		for s != "" {
			if n := size(s); n > 0 {
				b.WriteByte('?')
				s = s[n:]
				continue
			}
			_, n := utf8.DecodeRuneInString(s)
			b.WriteString(s[:n])
			s = s[n:]
		}
		return b.String()
	})
}

// refuses is a bug that takes the characters from low to high for none.
func refuses(low, high rune) bug {
	return on(nil, func(t *token) bool {
		return t.isText() && strings.ContainsFunc(string(t.body()), func(r rune) bool { return low <= r && r <= high })
	}, (*token).refuse)
}

// across are bugs of decoders that read in chunks, where one ends within something.
var across = killedBy("TestWalkSizes", []row{
	{"character-across-16-refused", "A text was checked in words of a vector.", split(16)},
	{"character-across-65536-refused", "A text was checked in chunks.", split(1 << 16)},
	{"tag-across-32768-refused", "A varint was read from one chunk.",
		on(nil, func(t *token) bool { return isAcross(1<<15, t.at, len(t.tag)) }, (*token).refuse)},
	{"length-across-1024-refused", "A varint was read from one chunk.",
		on(nil, func(t *token) bool {
			_, n := varint(t.val)
			return t.hasLength() && isAcross(1024, t.at+len(t.tag), n)
		}, (*token).refuse)},
	{"number-across-65536-refused", "A varint was read from one chunk.", valueAcross(1<<16, protowire.VarintType)},
	{"fixed64-across-2048-refused", "Eight bytes were read from one chunk.", valueAcross(2048, protowire.Fixed64Type)},
})

// isAcross reports whether a multiple of size stands within so many bytes from an offset on.
func isAcross(size, at, n int) bool { return n > 1 && at/size != (at+n-1)/size }

// valueAcross is a bug in values of a type that stand across a multiple of size.
func valueAcross(size int, typ protowire.Type) bug {
	return on(nil, func(t *token) bool { return t.typ == typ && isAcross(size, t.at+len(t.tag), len(t.val)) },
		(*token).refuse)
}

// split is a bug in texts of which a character stands across a multiple of size.
func split(size int) bug {
	return on(nil, (*token).isText, func(t *token) {
		body := t.body()
		for i := size; i < len(body); i += size {
			if !utf8.RuneStart(body[i]) {
				t.refuse()
				return
			}
		}
	})
}
