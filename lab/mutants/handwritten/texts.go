package handwritten

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// utf8Checks are bugs in checking that strings are UTF-8.
var utf8Checks = []Bug{
	{"utf8-above-ffff-refused", "UTF-8 in up to three bytes, as in MySQL.",
		refusedTexts(func(s string) bool { return strings.ContainsFunc(s, isAstral) })},
	{"utf8-above-ffff-replaced", "Text went through UTF-16 without surrogates.",
		texts(func(_ message, _ protoreflect.FieldDescriptor, s string) string {
			return mapRunes(s, func(r rune) rune { return whenRune(isAstral(r), utf8.RuneError, r) })
		})},
	{"utf8-10ffff-refused", "< for <= at the last code point.",
		refusedTexts(func(s string) bool { return strings.ContainsRune(s, utf8.MaxRune) })},
	{"utf8-noncharacter-refused", "U+FFFE and U+FFFF are not characters, but legal all the same.",
		refusedTexts(func(s string) bool { return strings.ContainsAny(s, "\uFFFE\uFFFF") })},
	{"utf8-replacement-refused", "RuneError was taken for an error; it is U+FFFD, too.",
		refusedTexts(func(s string) bool { return utf8.ValidString(s) && strings.ContainsRune(s, utf8.RuneError) })},
	{"utf8-nul-refused", "A string with a zero cannot become one of C or of Windows.",
		refusedTexts(func(s string) bool { return strings.Contains(s, "\x00") })},
	{"utf8-surrogate-accepted", "UTF-8 in three bytes was decoded by shifting, and then it was in range.",
		accepted("\xED", "\xA0\xBF", "\x80\xBF")},
	{"utf8-lone-continuation-accepted", "A byte with the high bits 10 was taken to belong to the character before it.",
		accepted("\x80\xBF")},
	{"utf8-f5-accepted", "The lead bytes of four were taken to be all up to F7.",
		accepted("\xF5\xF7", "\x80\xBF", "\x80\xBF", "\x80\xBF")},
	{"utf8-lone-high-byte-accepted", "Bytes that UTF-8 never has were skipped.", accepted("\xF5\xFF")},
	{"utf8-above-10ffff-accepted", "The lead byte F4 is legal, and nobody looked at the next one.",
		accepted("\xF4", "\x90\xBF", "\x80\xBF", "\x80\xBF")},
	{"utf8-overlong-2-accepted", "Java writes U+0000 as C0 80.", accepted("\xC0\xC1", "\x80\xBF")},
	{"utf8-overlong-3-accepted", "The lead byte E0 is legal, and nobody looked at the next one.",
		accepted("\xE0", "\x80\x9F", "\x80\xBF")},
	{"utf8-overlong-4-accepted", "The lead byte F0 is legal, and nobody looked at the next one.",
		accepted("\xF0", "\x80\x8F", "\x80\xBF", "\x80\xBF")},
	{"utf8-cut-off-accepted", "The loop over the continuation bytes ends where the string does.",
		texts(func(_ message, _ protoreflect.FieldDescriptor, s string) string {
			for n := 1; n <= min(3, len(s)); n++ {
				if end := s[len(s)-n:]; utf8.RuneStart(end[0]) && !utf8.FullRuneInString(end) {
					return s[:len(s)-n] + "\uFFFD"
				}
			}
			return s
		})},
	{"utf8-unchecked-in-keys", "The keys of a map are read by other code.",
		unchecked(func(m message, num protowire.Number, _ string) bool { return m.at == atEntry && num == 1 })},
	{"utf8-unchecked-in-values", "The values of a map are read by other code.",
		unchecked(func(m message, num protowire.Number, _ string) bool { return m.at == atEntry && num == 2 })},
	{"utf8-unchecked-in-registry-root", "A path of Windows need not be UTF-8.",
		unchecked(func(m message, num protowire.Number, _ string) bool { return m.at == atOptions && num == 3 })},
	{"utf8-unchecked-in-long-strings", "A fast path for strings that do not fit into a buffer of 64 bytes.",
		unchecked(func(_ message, _ protowire.Number, s string) bool { return len(s) > 64 })},
	{"utf8-unchecked-in-socket-dir", "It was added later, and is the one optional string.",
		unchecked(func(m message, num protowire.Number, _ string) bool { return m.params && num == 9 })},
	{"utf8-unchecked-in-id", "The ID has been checked by containerd.",
		unchecked(func(m message, num protowire.Number, _ string) bool { return m.params && num == 1 })},
	{"utf8-unchecked-in-other-url", "The type URL was compared as bytes, and was another one.",
		unchecked(func(m message, num protowire.Number, s string) bool { return m.at == atAny && !namesOptions(s) })},
	{"utf8-of-overwritten-unchecked", "Only what a string is in the end was checked, not what was overwritten.",
		messages(func(m message) []byte {
			last := lastOffsets(m.b)
			return eachField(m.b, func(f wire.Field) []byte {
				if fd := m.md.Fields().ByNumber(f.Num); fd == nil || fd.Kind() != protoreflect.StringKind ||
					f.Type != protowire.BytesType ||
					f.Offset == last[f.Num] || utf8.Valid(f.Value) {
					return f.Raw
				}
				return nil
			})
		})},
	{"overwritten-url-is-none", "The type URL was checked wherever it stands, and without one there are no options.",
		where(func(a *answer) bool {
			last := lastOffsets(a.payload)
			return !a.isParams() && namesOptions(a.url()) && anyField(a.payload, func(f wire.Field) bool {
				return f.Num == 1 && f.Type == protowire.BytesType && f.Offset < last[1] && !utf8.Valid(f.Value)
			})
		}, giveDefaults)},
}

func isAstral(r rune) bool { return r > 0xFFFF }

func whenRune(cond bool, then, otherwise rune) rune {
	if cond {
		return then
	}
	return otherwise
}

// mapRunes is strings.Map that leaves what is not UTF-8 as it is.
func mapRunes(s string, change func(rune) rune) string {
	if !utf8.ValidString(s) {
		return s
	}
	return strings.Map(change, s)
}

// refusedTexts is a bug that makes an error of certain strings.
func refusedTexts(bad func(string) bool) func(Read) Read {
	return refusedTokens(func(m message, t token) bool {
		fd := m.field(t)
		return fd != nil && fd.Kind() == protoreflect.StringKind && t.typ == protowire.BytesType &&
			bad(string(t.body()))
	})
}

// accepted is a bug in a check of UTF-8: it lets bytes pass that are each in a
// range, given as one byte or as the first and the last. The strings change to
// such as the right check lets pass.
func accepted(ranges ...string) func(Read) Read {
	return texts(func(_ message, _ protoreflect.FieldDescriptor, s string) string {
		if utf8.ValidString(s) {
			return s
		}
		var out strings.Builder
		for len(s) > 0 {
			r, n := utf8.DecodeRuneInString(s)
			if r == utf8.RuneError && n == 1 && inRanges(s, ranges) {
				n = len(ranges)
				out.WriteRune(utf8.RuneError)
			} else {
				out.WriteString(s[:n])
			}
			s = s[n:]
		}
		return out.String()
	})
}

// inRanges reports whether s begins with bytes in the ranges.
func inRanges(s string, ranges []string) bool {
	if len(s) < len(ranges) {
		return false
	}
	for i, r := range ranges {
		if s[i] < r[0] || s[i] > r[len(r)-1] {
			return false
		}
	}
	return true
}

// unchecked is a bug that lets strings pass that are not UTF-8.
func unchecked(is func(m message, num protowire.Number, s string) bool) func(Read) Read {
	return texts(func(m message, fd protoreflect.FieldDescriptor, s string) string {
		if !is(m, fd.Number(), s) {
			return s
		}
		return strings.ToValidUTF8(s, "\uFFFD")
	})
}

// lastOffsets is where the last length-delimited field of each number begins.
func lastOffsets(b []byte) map[protowire.Number]int {
	last := make(map[protowire.Number]int)
	for f := range parsed(b) {
		if f.Type == protowire.BytesType {
			last[f.Num] = f.Offset
		}
	}
	return last
}
