package handwritten

import (
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/stdin"
)

// notOurs and ours are type URLs that are compared rightly by anybody.
const notOurs = "not.ours.Options"

var ours = contract.OptionsName

// typeURLs are bugs in comparing type URLs.
var typeURLs = []Bug{
	{"url-exact", "containerd sends it without a prefix, so == did.",
		urls(func(url string) string { return when(url == ours, url, notOurs) })},
	{"url-prefix-required", "The documentation of Any has a prefix in every example.",
		urls(func(url string) string { return when(strings.Contains(url, "/"), url, notOurs) })},
	{"url-google-prefix-only", "As protobuf's own packers write it.",
		urls(func(url string) string {
			return when(url == ours || strings.HasPrefix(url, "type.googleapis.com/"), url, notOurs)
		})},
	{"url-first-slash", "Index for LastIndex.",
		urls(func(url string) string {
			_, after, found := strings.Cut(url, "/")
			return when(!found, url, when(after == ours, ours, notOurs))
		})},
	{"url-suffix", "HasSuffix instead of cutting at the slash.",
		urls(func(url string) string { return when(strings.HasSuffix(url, ours), ours, url) })},
	{"url-contains", "strings.Contains, to be safe.",
		urls(func(url string) string { return when(strings.Contains(url, ours), ours, url) })},
	{"url-any-runhcs", "Newer versions were to be accepted, too.",
		urls(func(url string) string { return when(strings.HasPrefix(url, "containerd.runhcs."), ours, url) })},
	{"url-any-options", "Every runtime's options end in it.",
		urls(func(url string) string { return when(strings.HasSuffix(url, "v1.Options"), ours, url) })},
	{"url-case-folded", "Windows.",
		urls(func(url string) string { return when(strings.EqualFold(url, ours), ours, url) })},
	{"url-trimmed", "A URL in a configuration file had a blank.",
		urls(strings.TrimSpace)},
	{"url-trailing-slash", "path.Base, which drops it.",
		urls(func(url string) string { return strings.TrimRight(url, "/") })},
	{"url-empty-is-ours", "No type was treated as the default type.",
		urls(func(url string) string { return when(url == "", ours, url) })},
	{"url-ignored", "Only one type can stand there (rust-extensions' reader of the legacy Any).",
		where(func(a *answer) bool { return !a.isParams() && len(a.payload) > 0 }, func(a *answer) {
			own := new(options.Options)
			refuse(a)
			if _, value := stdin.AnyParts(a.payload); proto.Unmarshal(value, own) == nil {
				a.opts, a.err = own, nil
			}
		})},
	{"foreign-is-default", "Options for another runtime are no options for this one.",
		where(func(a *answer) bool { return a.err != nil && !a.isParams() && !namesOptions(a.url()) }, giveDefaults)},
	{"foreign-panics", "A type assertion without ok (hcsshim up to v0.15.0-rc.3: foreign-type-panics).",
		where(func(a *answer) bool {
			return a.err != nil && !a.isParams() && linked(a.url()) && !namesOptions(a.url())
		}, func(a *answer) {
			var v any = a.url()
			_ = v.(*options.Options)
		})},
}

func when(cond bool, then, otherwise string) string {
	if cond {
		return then
	}
	return otherwise
}

func linked(url string) bool {
	_, err := protoregistry.GlobalTypes.FindMessageByURL(url)
	return err == nil
}
