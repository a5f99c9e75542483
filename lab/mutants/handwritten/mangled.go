package handwritten

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// mangled are bugs that change strings of the options.
var mangled = []Bug{
	{"percent-decoded", "Addresses and paths are URLs.",
		optionTexts(func(s string) string {
			if plain, err := url.PathUnescape(s); err == nil {
				return plain
			}
			return s
		})},
	{"plus-decoded", "url.QueryUnescape, which is for forms.",
		optionTexts(func(s string) string { return strings.ReplaceAll(s, "+", " ") })},
	{"registry-root-with-slashes", "filepath.ToSlash, of the one path that is not a file's.",
		fields(func(o *options.Options) { o.RegistryRoot = strings.ReplaceAll(o.RegistryRoot, `\`, "/") })},
	{"backslashes-joined", "filepath.Clean, without which a path has two.",
		optionTexts(func(s string) string { return strings.ReplaceAll(s, `\\`, `\`) })},
	{"crlf-is-lf", "Text files of Windows.",
		optionTexts(func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") })},
	{"bom-stripped", "Text files of Windows begin with one.",
		optionTexts(func(s string) string { return strings.TrimPrefix(s, "\uFEFF") })},
	{"environment-expanded", "os.ExpandEnv of what comes from a configuration file.",
		optionTexts(func(s string) string { return os.ExpandEnv(s) })},
	{"windows-environment-expanded", "Paths of Windows begin with %ProgramData%.",
		optionTexts(func(s string) string {
			parts := strings.Split(s, "%")
			for i := 1; i < len(parts)-1; i += 2 {
				parts[i] = os.Getenv(parts[i])
			}
			return whenEven(len(parts), s, strings.Join(parts, ""))
		})},
	{"quotes-stripped", "A command line has quotes around its blanks.",
		optionTexts(func(s string) string {
			if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
				return s[1 : len(s)-1]
			}
			return s
		})},
	{"unicode-composed", "A name was compared with that of a file on macOS: é in two code points is another é.",
		optionTexts(func(s string) string { return strings.ReplaceAll(s, "e\u0301", "\u00e9") })},
	{"annotation-keys-trimmed", "Blanks in a list of keys.",
		keys(func(key string) (string, bool) { return strings.TrimSpace(key), true })},
	{"annotation-keys-to-63", "The limit of a label's name in Kubernetes.",
		keys(func(key string) (string, bool) { return key[:min(63, len(key))], true })},
	{"microsoft-annotations-dropped", "hcsshim sets annotations of this prefix itself.",
		keys(func(key string) (string, bool) { return key, !strings.HasPrefix(key, "io.microsoft.") })},
	{"first-of-annotations", "A key that is there already was left as it is.",
		messages(func(m message) []byte {
			var entries [][]byte
			rest := eachField(m.b, func(f wire.Field) []byte {
				if m.at != atOptions || f.Num != annotations || f.Type != protowire.BytesType {
					return f.Raw
				}
				entries = append(entries, f.Raw)
				return nil
			})
			slices.Reverse(entries)
			return slices.Concat(append(entries, rest)...)
		})},
}

func whenEven(n int, then, otherwise string) string { return when(n%2 == 0, then, otherwise) }

// optionTexts is a bug in the strings of Options, annotations included.
func optionTexts(change func(string) string) func(Read) Read {
	return texts(func(m message, _ protoreflect.FieldDescriptor, s string) string {
		if m.at < atOptions {
			return s
		}
		return change(s)
	})
}

// keys is a bug in the keys of the annotations: see makes another key of one, or
// drops it.
func keys(see func(string) (key string, keep bool)) func(Read) Read {
	return fields(func(o *options.Options) {
		old := o.DefaultContainerAnnotations
		o.DefaultContainerAnnotations = make(map[string]string)
		for k, v := range old {
			if key, keep := see(k); keep {
				o.DefaultContainerAnnotations[key] = v
			}
		}
	})
}

// limits are bugs that give size a meaning.
var limits = limitBugs()

func limitBugs() (all []Bug) {
	for _, n := range []int{64, 128, 256, 1000} {
		all = append(all,
			Bug{fmt.Sprintf("at-most-%d-annotations", n),
				"A limit against abuse; what exceeds it was silently dropped.", firstFields(atOptions, annotations, n)},
			Bug{fmt.Sprintf("at-most-%d-extensions", n), "A limit against abuse; what exceeds it was silently dropped.",
				firstFields(atTop, 8, n)})
	}
	for _, n := range []int{255, 4096, 32767, 65535} {
		all = append(all, Bug{fmt.Sprintf("strings-to-%d", n), "A buffer of fixed size.",
			optionTexts(func(s string) string { return s[:min(n, len(s))] })})
	}
	for _, n := range []int{200, 100_000} {
		all = append(all, Bug{fmt.Sprintf("unknown-above-%d-bytes-refused", n),
			"A small field may be a newer containerd's, a large one was taken for an attack.",
			refusedMessages(func(m message) bool {
				return anyField(m.b, func(f wire.Field) bool {
					return m.md.Fields().ByNumber(f.Num) == nil &&
						len(f.Raw) > n
				})
			})})
	}
	for _, n := range []int{512, 4096, 65536} {
		all = append(all, Bug{fmt.Sprintf("last-of-%d-bytes-lost", n), "A buffer that is just full.",
			payloads(func(b []byte) []byte {
				if len(b) == n {
					return b[:n-1]
				}
				return b
			})})
	}
	return all
}

// firstFields is a bug that sees only so many length-delimited fields of a number.
func firstFields(at place, num protowire.Number, limit int) func(Read) Read {
	return messages(func(m message) []byte {
		seen := 0
		return eachField(m.b, func(f wire.Field) []byte {
			if m.at != at || f.Num != num || f.Type != protowire.BytesType {
				return f.Raw
			}
			if seen++; seen > limit {
				return nil
			}
			return f.Raw
		})
	})
}
