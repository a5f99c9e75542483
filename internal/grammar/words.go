package grammar

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// Layers are what a text may pass between a configuration and Options, and words that each
// of them treats specially if somebody forgets that it is only a text (S1).
var Layers = []struct {
	Layer string
	Words []string
}{
	{"JSON", []string{`{"a": 1}`, "@type", "$ref", "a~1b", "null", "[]", "[1,2]", `{"a":{"b":1}}`, `"\ud83e\udd8a"`,
		"1E400", "-0", "NaN", "Infinity", `\u0000`, `a\/b`}},
	{"YAML", []string{"|", "2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00.000Z", "a # b", "a #", "it''s",
		"2001-01-01", "a, b", "'1'", "yes", "no", "on", "off", "y", "N", "~", "Null", "1_000", "0o17", "017", "1:30",
		"12:30:45", "2024-01-01", "!!str a", "&a", "*a", "- a", "a: b", "# a", "| a", "? a", "<<", "---", "...",
		".inf", "%TAG"}},
	{"TOML", []string{"1.10", "1.0", "+1", "0b1", "1979-05-27T07:32:00Z", "[a]", "[[a]]", "a.b = 1", `"""a"""`,
		"inf"}},
	{"JavaScript", []string{"__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf",
		"length", "undefined", "[object Object]", "9007199254740993", "0x1F", "1n"}},
	{"Python and Ruby", []string{"None", "True", "__class__", "__dict__", "self", "nil", ":a", "#{1}", "b'a'",
		"{0}"}},
	{"Go", []string{"1m", "60s", "90m", "1.5h", "1ns", "1µs", "0s", "<nil>", "%!s(MISSING)", "map[a:b]", "nil",
		"5GB", "2048MB", "30s", "1h0m0s"}},
	{"integers", []string{"4096", "2048", "128", "0x1f", "007", "00", "2147483648", "-2147483649",
		"18446744073709551616", "1,000", "1 000", "1e3", "½", "٣", "1.", ".5", "0.1", "1.50"}},
	{"bools", []string{"TRUE", "False", "t", "f", "T", "enabled", "disabled", "Yes"}},
	{"POSIX shells", []string{"$(id)", "`id`", "a;b", "a&&b", "a|b", "a>b", "a*", "?", "[a-z]", "~root/x", "!x",
		`a\ b`, "$1", "$$", "${X:-y}", "'a b'", "-", "--", "--x=y"}},
	{"Windows shells", []string{"NUL", "PRN", "LPT1", "CONIN$", "%PATH%", "!PATH!", "a^b", "$env:PATH", "`n", "%%",
		"a,b", "/x", "@a", "CON", "NUL.txt", "COM1", "aux"}},
	{"Windows paths", []string{`\\.\PIPE\x`, `\\.\pipe\NcProxy`, `\\?\GLOBALROOT\Device\x`, "COM¹", `C:\X.EXE`,
		`HKLM\a`, "/c/x", "/mnt/c/x", "{01234567-89ab-cdef-0123-456789abcdef}",
		"{01234567-89AB-CDEF-0123-456789ABCDEF}", "01234567-89AB-CDEF-0123-456789ABCDEF", `C:\a\..\b`, `C:\a\`,
		`C:\a\\b`, `c:\A`, `C:a`, `\a`, `\\server\share\a`, `\\.\pipe\x`, `//./pipe/x`, "npipe:////./pipe/x",
		`\\?\UNC\server\share`, `\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\`, `\??\C:\a`, `C:\a.`, `C:\a `,
		`C:\PROGRA~1`, "C:/a/b", `a/b\c`, `a:stream`, `\\wsl$\x`}},
	{"POSIX paths", []string{"/a:/b", "/a/../b", "/a/./b", "/a//b", "/a/", ".", "..", "./a", "/",
		"../../etc/passwd"}},
	{"URLs", []string{"http://HOST/a", "https://Example.com/A", "localhost:1", "127.0.0.1:1", "[0:0:0:0:0:0:0:1]:1",
		"tcp://HOST:1", "http://a/?b=1&a=2", "xn--tda", "a@b", "https://a:443/", "http://a/#b",
		"https://type.googleapis.com", "http://a:80/", "HTTP://A/", "https://u:p@a/?q=1#f", "a%2Fb", "a%20b", "a+b",
		"%zz", "http://[::1]:8080", "file:///C:/a", "unix:///run/x.sock", "tcp://127.0.0.1:1", "a?b", "a#b", "//a/b",
		"urn:a:b", "javascript:1"}},
	{"image references", []string{"index.docker.io/library/a", "a:1@sha256:" + strings.Repeat("0", 64), "nginx",
		"nginx:latest", "docker.io/library/nginx", "docker.io/nginx:1.10", "a:5000/b",
		"a@sha256:" + strings.Repeat("0", 64), "mcr.microsoft.com/windows/nanoserver:ltsc2022"}},
	{"platforms", []string{"windows", "linux", "linux/amd64/v1", "linux/i386", "macos/amd64", "windows/arm64",
		"linux/arm/v7", "linux/arm", "linux/386", "linux/amd64", "linux/x86_64", "linux/arm64/v8",
		"windows(10.0.20348)/amd64", "Windows/AMD64", "linux/aarch64", "darwin", "all"}},
	{"versions", []string{"2.10.0", "3.0.0", "v2.3.7", "2.3", "2.3.7+azure", "2.3.7-rc.1", "02.3.7", "2.3.7~beta",
		"latest", "1.10.0"}},
	{"environment", []string{"A=B", "A=", "=B", "PATH", "A=B=C", "A B"}},
	{"lists", []string{"=SUM(A1)", "1/2/2024", "CN=a", "a,", ",a", "a,,b", "a;b", "a:b", "a|b", "a b", "a\tb",
		"a=b,c=d"}},
	{"printf", []string{"YWJjZA==", "+AOk-", "=C3=A9", "%s", "%d", "%n", "%v", "%%s", "%[1]s", "{}", "{0}", "%1$s"}},
	{"templates", []string{"{{.X}}", "{{ a }}", "{% a %}", "<%= a %>", "${a}", "#{a}", "<a/>", "&lt;", "&#65;",
		"<!--a-->", "]]>", "$a$"}},
	{"SQL", []string{"a' OR '1'='1", "a'--", `a";`, "NULL", "a\\'b", "%a_"}},
	{"regular expressions", []string{`\1`, ".*", "^a$", "(a", "a+", `\d`, "a{2}", "[", "a|b"}},
	{"line ends", []string{"a\r", "\r\n", "a\rb", "a\u2028b", "a\u2029b", "a\u0085b", "a\vb", "a\fb", "a\\\nb"}},
	{"white space", []string{"\u00a0a", "a\u3000", "\u2003a\u2003", "a\u200bb", "\u2060a", "a\t", "\r", "a  b"}},
	{"control characters", []string{"\x01", "a\bb", "\x1a", "a\x1a", "\x04", "\x7f", "\u009b31m", "\x00\x00",
		"\x1b]0;a\a"}},
	{"case", []string{"İ", "ı", "ß", "ẞ", "ſ", "\u212a", "\u212b", "ς", "Σ", "ǅ", "ΑΣ", "straße", "ŉ"}},
	{"normalization", []string{"m²", "a\u0301\u0323", "é", "e\u0301", "Å", "A\u030a", "ﬁ", "①", "ｱ",
		"ｶﾞ", "가", "\u1100\u1161", "각", "\u0344", "ñ", "q\u0307\u0323", "q\u0323\u0307", "\u2126", "㍿",
		"क़", "ㅎ", "힣", "\u0958"}},
	{"directions and joiners", []string{"\u200ea", "\u200f", "\u202eabc\u202c", "\u2066a\u2069", "a\u200db",
		"a\u200cb", "👩\u200d👩\u200d👧", "❤\ufe0f", "🇩🇪", "a\u00adb", "\U000e0001", "\U000e0061"}},
	{"look-alikes", []string{"а", "Α", "ａ", "‐", "–", "’", "“a”", "…", "／", "∕", "．", "。",
		"＼"}},
	{"Kubernetes and containerd", []string{"err", "1000m", "1024Mi", "1Gi", "2G", "500m", "0.5", "warn", "warning",
		"WARN", "info", "error", "trace", "fatal", "panic", "ETW", "FILE", "NPIPE",
		"io.microsoft.virtualmachine.lcow.privileged", "moby", "buildkit", "default", "kube-system",
		"io.kubernetes.cri.sandbox-id", "containerd.io/restart.status", "sandbox", "container", "cri.runtimehandler",
		"windows.hyperv", "HYPERVISOR", "PROCESS", "UNSPECIFIED", "runhcs-wcow-hypervisor"}},
}

// Words are those of all layers.
var Words = func() (all []string) {
	for _, l := range Layers {
		all = append(all, l.Words...)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(w string) bool { return slices.Contains(Texts, w) })
}()

// words are those, and CodePoints.
var words = slices.Concat(Words, CodePoints)

// Equated are pairs of keys that a layer takes for one. They are two.
var Equated = [][2]string{
	{"key", "KEY"}, {"key", "key."}, {"key", "key "}, {"key", " key"}, {"key", "key\x00"}, {"key", "\ufeffkey"},
	{"\u00e9", "e\u0301"}, {"\u00c5", "\u212b"}, {"fi", "ﬁ"}, {"a", "ａ"}, {"k", "\u212a"}, {"ß", "ss"},
	{"ß", "ẞ"}, {"i", "ı"}, {"I", "İ"}, {"σ", "ς"}, {"a", "а"}, {"1", "01"}, {"1", "1.0"}, {"1", "+1"},
	{"0", "-0"}, {"1.1", "1.10"}, {"true", "True"}, {"a/b", "a//b"}, {"a/b", "a/b/"}, {"a/b", "a/./b"},
	{"a/b", `a\b`}, {"a/b", "a%2Fb"}, {"a b", "a+b"}, {"a b", "a\u00a0b"}, {"a.b", "a-b"}, {"a-b", "a_b"},
	{"", "\x00"}, {"", " "}, {"null", ""}, {"가", "\u1100\u1161"}, {"a", "a\u200b"}, {"k", `"k"`}, {"a\n", "a\r\n"},
	{"a.b", "a[b]"}, {"__proto__", "constructor"}, {"a", "/a"}, {"a/b", "a~1b"}, {"a", "a\n"}, {"a", "a\u200c"},
	{"a", "a\u00ad"}, {strings.Repeat("k", 63) + "1", strings.Repeat("k", 63) + "2"},
	{strings.Repeat("k", 255) + "1", strings.Repeat("k", 255) + "2"},
}

// CodePoints are the first and the last code point of every length, those on both sides of
// every gap, the noncharacters, and Hangul.
var CodePoints = func() []string {
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
