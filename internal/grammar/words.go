package grammar

import (
	_ "embed"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

//go:embed words.txt
var wordsFile string

// sections are those of words.txt, which has each word as Go writes a string.
var sections = func() (all [][]string) {
	for line := range strings.Lines(wordsFile) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "# ") {
			all = append(all, nil)
			continue
		}
		word, err := strconv.Unquote(line)
		if err != nil {
			panic(fmt.Sprintf("words.txt: %s: %v", line, err))
		}
		all[len(all)-1] = append(all[len(all)-1], word)
	}
	return all
}()

// texts are strings that must arrive as they are (S1): what configurations hold, and what code
// mangles. equated are pairs of keys that a layer takes for one: they are two.
var (
	texts   = sections[0]
	equated = slices.Collect(slices.Chunk(sections[len(sections)-1], 2))
)

// words are those that a layer between a configuration and Options treats specially if somebody
// forgets that a text is only a text (S1): the sections between these, and codePoints.
var words = func() []string {
	all := slices.Concat(sections[1 : len(sections)-1]...)
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(w string) bool { return slices.Contains(texts, w) })
	return append(all, codePoints...)
}()

// codePoints are the first and the last code point of every length, those on both sides of
// every gap, the noncharacters, and Hangul.
var codePoints = func() []string {
	runes := []rune{0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xf8ff, 0xfdd0, 0xfdef, 0xfeff, 0xfffd, 0x10000,
		0xac00, 0xd7a3, 0x1100, 0x1161, 0x11a8, 0x3131}
	for plane := range rune(17) {
		runes = append(runes, plane<<16|0xfffe, plane<<16|0xffff)
	}
	var list []string
	for _, r := range runes {
		list = append(list, string(r), "a"+string(r)+"b")
	}
	return list
}()

// notCodePoints are what lenient decoders take for characters: the overlong forms of NUL, a
// letter and a slash in two to six bytes, surrogates alone, in pairs and reversed, and what
// lies above the last code point.
var notCodePoints = func() (list []string) {
	for _, c := range []rune{0, 'a', '/', 0x7f, 0x7ff, 0xffff} {
		for length := 2; length <= 6; length++ {
			if s := longForm(c, length); !utf8.ValidString(s) && s[0] < 0xfe {
				list = append(list, s)
			}
		}
	}
	high, low := []rune{0xd800, 0xd83e, 0xdbff}, []rune{0xdc00, 0xdd8a, 0xdfff}
	for i := range high {
		h, l := longForm(high[i], 3), longForm(low[i], 3)
		list = append(list, h, l, h+l, l+h, h+h, h+"a"+l)
	}
	for _, c := range []rune{0x110000, 0x13ffff, 0x1fffff, 0x200000, 0x3ffffff, 0x4000000, 0x7fffffff} {
		list = append(list, longForm(c, 4+(bits.Len32(uint32(c))-17)/5))
	}
	return append(list, "\xff\xfea", "\xfe\xffa")
}()

// longForm writes a number as UTF-8 would in so many bytes, whether it may or not.
func longForm(c rune, length int) string {
	b := make([]byte, length)
	for i := length - 1; i > 0; i-- {
		b[i] = 0x80 | byte(c&0x3f)
		c >>= 6
	}
	b[0] = byte(0xff<<(8-length)) | byte(c)
	return string(b)
}

// sequences are each lead byte with each class of second byte, and what follows: as it should
// be, cut after each byte, and with one byte that is no continuation.
var sequences = func() (list []string) {
	for lead := 0xbf; lead <= 0xff; lead++ {
		length := min(max(2, bits.LeadingZeros8(^uint8(lead))), 6)
		for _, second := range []byte{'a', 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0} {
			whole := append([]byte{byte(lead), second}, 0x80, 0xbf, 0x80, 0xbf)[:length]
			for i := 1; i < length; i++ {
				list = append(list, string(whole[:i]))
				if i > 1 {
					list = append(list, string(whole[:i])+"a"+string(whole[i+1:]))
				}
			}
			list = append(list, string(whole))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}()
