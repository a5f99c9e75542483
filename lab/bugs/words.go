package bugs

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// words are bugs in what takes a text for something of its own on its way: the reasons are
// the layers that do.
var words = slices.Concat(killedBy("TestWalkTokens", []row{
	{"keys-of-other-case-merged", "Windows: environment variables, and the registry.", merged(strings.ToLower)},
	{"keys-composed-merged", "Unicode: NFC.", merged(replacer("e\u0301", "é", "A\u030a", "Å"))},
	{"keys-trailing-dot-merged", "DNS, and Win32.", merged(func(s string) string { return strings.TrimRight(s, ".") })},
	{"keys-leading-zero-merged", "PHP and Lua: a key of digits is a number.",
		merged(func(s string) string { return strings.TrimLeft(s, "0") })},
	{"keys-hyphen-merged", "The environment: - and . become _.", merged(replacer("-", "_", ".", "_"))},

	{"type-url-of-urn-accepted", "urn:containerd.runhcs.v1.Options names it, too.",
		urls(func(url string) bool { return namesOptions(url[strings.LastIndexByte(url, ':')+1:]) })},
}), killedBy("TestWalkTexts", []row{
	{"key-proto-lost", "JavaScript: an object for a map.", lost("__proto__")},
	{"value-decimal-shortened", "YAML: a number.", value(`^(\d+\.\d*?)0+$`, "$1")},
	{"value-leading-zero-lost", "strconv.Atoi.", value(`^0+(\d+)$`, "$1")},
	{"value-underscore-lost", "TOML: a number.", value(`^(\d+)_(\d+)$`, "$1$2")},
	{"value-above-53-bits-rounded", "JSON: a number.", value(`^9007199254740993$`, "9007199254740992")},
	{"value-yes-is-true", "YAML 1.1.", value(`^(yes|Yes|YES)$`, "true")},
	{"value-tilde-is-null", "YAML.", value(`^(~|Null|NULL)$`, "")},
	{"value-date-is-time", "YAML and TOML.", value(`^(\d{4}-\d\d-\d\d)$`, "${1}T00:00:00Z")},
	{"value-quantity-canonical", "Kubernetes: resource.Quantity.", value(`^1024Mi$`, "1Gi")},
	{"value-comment-cut", "YAML, INI, shells.", value(` #.*`, "")},
	{"value-quote-undoubled", "SQL, CSV, PowerShell.", value(`''`, "'")},
	{"value-command-run", "Shells.", value("\\$\\(.*\\)|`.*`", "")},
	{"value-dollar-undoubled", "Compose files, make.", value(`\$\$`, "$$")},
	{"value-verb-formatted", "fmt.Errorf(s).", value(`%[sdvqx]`, "%!s(MISSING)")},
	{"value-template-rendered", "text/template.", value(`\{\{.*\}\}`, "<no value>")},
	{"value-sharp-s-folded", "Unicode: case.", value(`ß|ẞ`, "ss")},
	{"value-kelvin-composed", "Unicode: NFC.", value("\u212a", "K")},
	{"value-joiner-lost", "What cannot be seen.", value("[\u00ad\u200b\u200d\ufe0f]", "")},
	{"value-return-is-newline", "Files of text.", value(`\r([^\n]|$)`, "\n$1")},

	{"image-latest-added", "Image references.", text(`^\w+(\.\w+)+(/[\w-]+)+$`, "$0:latest")},
	{"platform-variant-lost", "platforms.Normalize.", text(`^linux/arm64/v8$`, "linux/arm64")},
	{"level-warn-is-warning", "logrus.ParseLevel.", text(`^warn$`, "warning")},
	{"path-last-slash-lost", "filepath.Clean.", text(`([^/\\])[/\\]$`, "$1")},
	{"path-last-dot-lost", "Win32.", text(`([^.])\.$`, "$1")},
	{"path-unc-shortened", "Windows: the long form.", text(`^\\\\\?\\UNC\\`, `\\`)},
	{"path-is-device", "Windows: reserved names.", text(`^((?i)con|nul|aux|prn|com1)$`, `\\.\$1`)},
	{"url-of-file-is-path", "net/url.", text(`^file:///`, "")},
	{"url-of-pipe-cleaned", "path.Clean.", text(`^npipe:/+`, "npipe:/")},

	{"type-url-scheme-refused", "A URL of the web, from which the type was to be fetched.",
		urls(func(url string) bool { return namesOptions(url) && !strings.Contains(url, "://") })},
}))

// constants are bugs that are about what the code under test itself says.
var constants = killedBy("TestWalkConstants", []row{
	{"type-of-statistics-accepted", "Another message of hcsshim's, with a field 1 and a field 2.",
		urls(func(url string) bool { return namesOptions(url) || url == "containerd.runhcs.stats.v1.Statistics" })},
	{"annotation-privileged-lost", "No default may make a container privileged.",
		lost("io.microsoft.virtualmachine.lcow.privileged")},
	{"annotation-host-process-lost", "A default must not leave the sandbox.",
		lost("microsoft.com/hostprocess-container")},
})

// lost is a bug that loses annotations by their keys.
func lost(keys ...string) bug {
	return on(optionsType, func(t *token) bool { return isAnnotation(t) && slices.Contains(keys, t.key()) },
		(*token).drop)
}

// merged is a bug that takes annotations for one, where same makes their keys the same.
func merged(same func(string) string) bug {
	return overwritten(same, func(before, t *token) bool { return before.key() != t.key() })
}

// overwritten is a bug that loses annotations before another one, whose key same makes the same.
func overwritten(same func(string) string, loses func(before, t *token) bool) bug {
	return misreading{message: func(m *message) {
		before := make(map[string]*token)
		for _, t := range m.tokens {
			if m.md != optionsType || !isAnnotation(t) {
				continue
			}
			key := same(t.key())
			if b := before[key]; b != nil && loses(b, t) {
				b.drop()
			}
			before[key] = t
		}
	}}.bug()
}

// key is that of an annotation, which may be damaged behind it.
func (t *token) key() (key string) {
	entry, _ := wire.Parse(t.body())
	for _, f := range entry {
		if f.Num == 1 && f.Type == protowire.BytesType {
			key = string(f.Value)
		}
	}
	return key
}

func replacer(oldnew ...string) func(string) string { return strings.NewReplacer(oldnew...).Replace }

// value is a bug in values of annotations that match, text one in texts of Options themselves.
func value(pattern, by string) bug { return rewrite(entryType, 2, pattern, by) }
func text(pattern, by string) bug  { return rewrite(optionsType, 0, pattern, by) }

// rewrite is a bug in strings of messages of a type, in a field or, if that is 0, in all.
func rewrite(md protoreflect.MessageDescriptor, num uint64, pattern, by string) bug {
	re := regexp.MustCompile(pattern)
	return on(md, func(t *token) bool { return t.isText() && (num == 0 || t.num == num) && re.Match(t.body()) },
		func(t *token) { t.setBody(re.ReplaceAll(t.body(), []byte(by))) })
}
