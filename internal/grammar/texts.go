package grammar

import (
	"fmt"
	"math"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
)

// Sizes are lengths and counts at which code is known to change its ways: of short
// varints, of MAX_PATH, of buffers, of 16 bits.
var Sizes = []int{101, 127, 128, 129, 255, 256, 257, 259, 260, 261, 511, 512, 513, 1000, 4095, 4096, 4097, 16383, 16384,
	32767, 32768, 65535, 65536}

// Counts are numbers of extensions and of annotations, likewise.
var Counts = []int{7, 8, 9, 15, 16, 17, 63, 64, 65, 101, 127, 128, 129, 255, 256, 257, 999, 1000, 1001}

// int32s are numbers at the edges of what they are stored in.
var int32s = []int32{0, 1, -1, 2, 3, 50, 127, 128, 255, 256, 1024, 32767, 32768, 65535, 65536, math.MaxInt32,
	math.MinInt32}

// logLevels are values of log_level, which is an open enum: containerd's, and the
// edges of 32 and of 64 bits.
var logLevels = []int64{0, -8, -4, 4, 8, 10, 12, 1, 99, 1<<31 - 1, -1 << 31, 1 << 31, 1 << 32, 1<<63 - 1, -1 << 63}

// addresses are values of the fields of BootstrapParams that are no identity.
var addresses = []string{
	`\\.\pipe\containerd-containerd`, "/run/containerd/containerd.sock", `C:\Program Files\containerd\containerd.exe`,
	"unix:///run/c.sock.ttrpc",
	"2.3.7", "v2.4.2", "2.5.0-rc.1+unknown", "ü", "日本", "", contract.OptionsName,
}

// invalidUTF8 are strings that are not UTF-8, of each kind in M11.
var invalidUTF8 = []struct{ Name, Text string }{
	{"invalid", "\xff"},
	{"overlong", "\xc0\xaf"},
	{"surrogate", "\xed\xa0\x80"},
	{"cut", "\xe6\x97"},
	{"continuations", "\xa0\xb0\xc0\xd0"},
	{"continuation", "\x80"},
	{"overlong-3", "\xe0\x80\xaf"},
	{"overlong-4", "\xf0\x80\x80\xaf"},
	{"above-max", "\xf4\x90\x80\x80"},
	{"f5", "\xf5\x80\x80\x80"},
	{"within", "a\xffb"},
	{"modified-nul", "\xc0\x80"},
	{"pair-of-surrogates", "\xed\xa0\xbd\xed\xb8\x80"},
	{"five-bytes", "\xf8\x88\x80\x80\x80"},
	{"six-bytes", "\xfc\x84\x80\x80\x80\x80"},
}

// identifiers are legal IDs and namespaces, those first that containerd's users have.
// As Options some are well-formed: see namespaces.
var identifiers = []string{
	"0", "web-1", "k8s.io", "3f4e5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081",
	strings.Repeat("z", stdin.MaxIdentifier), "a.b-c_d", "A", "buildkit", "moby", "default",
	"containerd.runc.v1.Options", "google.protobuf.Empty", "google.protobuf.Timestamp", "nri.v1.PluginConfig",
}

// notIdentifiers are nearly legal IDs and namespaces. Those that begin with a 2 and a
// digit are well-formed protobuf: a field of as many bytes as the digit's number.
var notIdentifiers = []string{
	"", strings.Repeat("z", stdin.MaxIdentifier+1), "a..b", "a--b", "a__b", "a.-b", "a.", "a-", "a_", ".a", "-a", "_a",
	"a:b", "a/b", "a b", "a\n", "\na", "a\x00", "a,b", "a@b", "é", "ａ", "١", "a/google.protobuf.Empty", "-abcd",
	padded("a..b"), padded("a:b"), padded("a/b"), padded("a\n"), padded("a."), padded("é"), "2K" +
		strings.Repeat("z", 'K'),
}

// padded is a text that ends in s, as a field of protobuf.
func padded(s string) string { return "20" + strings.Repeat("a", '0'-len(s)) + s }

// namespaces are legal namespaces that are interesting as Options.
var namespaces = []string{"k8s.io", "default", "inference", "p1", "h2", "H1"}

// asOptions is what each of namespaces says as hcsshim's Options.
var asOptions = map[string]Token{
	"k8s.io": {Kind: Fault}, "default": {Kind: Fault}, "inference": {}, "p1": {means: meaning{field: 14, number: 1}},
	"h2": {means: meaning{field: 13, number: '2'}}, "H1": {means: meaning{field: 9, number: '1'}},
}

// prefixes are what may precede the name of a type in its URL.
var prefixes = []string{"type.googleapis.com/", "/", "//", "example.com/a/b/", "C:/", "ü/", contract.OptionsName + "/",
	" /", "a\x00/"}

// nearNames are type URLs that are almost that of a type.
func nearNames(n string) []string {
	dot := strings.LastIndexByte(n, '.') + 1
	pkg, short := n[:dot], n[dot:]
	return []string{
		// in another case
		pkg + strings.ToLower(short), strings.ToUpper(n),
		// with a part cut or added, or of another version
		n[:len(n)-1], n + "X", "x" + n, "." + n, short, strings.Replace(n, ".v1.", ".v2.", 1),
		// with a slash in another place, or a backslash
		n + "/", "/" + n + "/x", "type.googleapis.com\\" + n,
		// padded; another name of the package, and none; a line
		" " + n, n + " ", n + "\x00", pkg + "ProcessDetails", "", n + "\n",
		// with other separators
		strings.ReplaceAll(n, ".", "-"),
		// within URLs, of which the last are queries
		n + "?x", "type.googleapis.com%2F" + n, "urn:" + n, "x#" + n, n + "#x", n + ";a=b", "x?" + n, "x=" + n,
		// as Go writes a pointer and a slice
		"*" + n, "[]" + n,
		// as a host, behind a user and before a port
		"x@" + n, n + ":1",
		// as in a text: quoted, at the end of a sentence, indented
		`"` + n + `"`, n + ".", "\t" + n,
		// with what is not seen: a byte-order mark, a joiner
		"\ufeff" + n, n + "\u200d",
		// with letters that look alike: a long s, a Cyrillic o, a full-width stop
		n[:len(n)-1] + "ſ", strings.Replace(n, "o", "о", 1), strings.Replace(n, ".", "．", 1),
		// as gRPC writes a method; in a list
		strings.TrimSuffix(pkg, ".") + "/" + short, n + ",x",
		// as Go names a type, by its package's path or name
		"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options/" + short, "a/options." + short,
		// with a letter that looks alike, a dotless i, or with other separators
		strings.Replace(n, "i", "ı", 1), strings.ReplaceAll(n, ".", "/"),
		// in lists, of which one has a no-break space
		"x\u00a0" + n, "x," + n,
	}
}

var otherNames = []string{
	"runtimeoptions.v1.Options", "containerd.runc.v1.Options", "google.protobuf.Empty",
	"types.containerd.io/opencontainers/runtime-spec/1/Spec",
	"github.com/Microsoft/hcsshim/pkg/ctrdtaskapi/PolicyFragment",
}

// short names a text in a report.
func short(s string) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%q…%q of %d bytes", s[:most/2], s[len(s)-most/4:], len(s))
	}
	return fmt.Sprintf("%q", s)
}
