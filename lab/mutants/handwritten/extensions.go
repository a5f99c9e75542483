package handwritten

import (
	"maps"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

func isOurs(e *bootstrap.Extension) bool    { return namesOptions(e.GetValue().GetTypeUrl()) }
func isForeign(e *bootstrap.Extension) bool { return !isOurs(e) }

// extensions are bugs in finding the options among the extensions.
var extensions = []Bug{
	{"first-extension-only", "containerd sends one.",
		params(func(p *bootstrap.BootstrapParams) { p.Extensions = p.Extensions[:min(1, len(p.Extensions))] })},
	{"last-extension-only", "The newest one is appended.",
		params(func(p *bootstrap.BootstrapParams) { p.Extensions = p.Extensions[max(0, len(p.Extensions)-1):] })},
	{"last-options-win", "A loop without a break.",
		params(func(p *bootstrap.BootstrapParams) { slices.Reverse(p.Extensions) })},
	{"options-merged", "Unmarshal with Merge into one result, for every extension.",
		params(func(p *bootstrap.BootstrapParams) {
			var all []byte
			for _, e := range p.Extensions {
				if isOurs(e) {
					all = append(all, e.Value.Value...)
				}
			}
			for _, e := range p.Extensions {
				if isOurs(e) {
					e.Value.Value = all
				}
			}
		})},
	{"two-options-refused", "Two of a kind cannot be meant.",
		refused(func(a *answer) bool {
			return len(slices.DeleteFunc(paramsOf(a.payload).GetExtensions(), isForeign)) > 1
		})},
	{"any-of-the-options", "A map by type URL was filled and read.",
		params(func(p *bootstrap.BootstrapParams) {
			byURL := make(map[string]*bootstrap.Extension)
			for _, e := range p.Extensions {
				byURL[e.GetValue().GetTypeUrl()] = e
			}
			p.Extensions = slices.Collect(maps.Values(byURL))
		})},
	{"damaged-options-skipped", "continue instead of return in the loop.",
		params(func(p *bootstrap.BootstrapParams) {
			p.Extensions = slices.DeleteFunc(p.Extensions, func(e *bootstrap.Extension) bool {
				return isOurs(e) && proto.Unmarshal(e.Value.Value, new(options.Options)) != nil
			})
		})},
	{"damaged-options-in-part", "What could be decoded is kept when the rest cannot.",
		answers(func(a *answer) {
			own := new(options.Options)
			if a.err != nil && a.isParams() && proto.Unmarshal(stdin.OptionsBytes(a.payload), own) != nil {
				a.opts, a.err = own, nil
			}
		})},
	{"foreign-extension-refused", "An unknown extension was mistaken for an error.",
		refused(func(a *answer) bool { return slices.ContainsFunc(paramsOf(a.payload).GetExtensions(), isForeign) })},
	{"stops-at-foreign-extension", "break instead of continue in the loop.",
		params(func(p *bootstrap.BootstrapParams) {
			if i := slices.IndexFunc(p.Extensions, isForeign); i >= 0 {
				p.Extensions = p.Extensions[:i]
			}
		})},
	{"extension-type-ignored", "The first extension was mistaken for the options, whatever its type.",
		params(func(p *bootstrap.BootstrapParams) {
			if len(p.Extensions) > 0 && p.Extensions[0].Value != nil {
				p.Extensions[0].Value.TypeUrl = ours
			}
		})},
	{"empty-extension-panics", "ext.Value.TypeUrl instead of the getter, and an extension without a value.",
		params(func(p *bootstrap.BootstrapParams) {
			for _, e := range p.Extensions {
				_ = e.Value.TypeUrl
			}
		})},
	{"no-extensions-panics", "Extensions[0] in a hurry.",
		params(func(p *bootstrap.BootstrapParams) { _ = p.Extensions[0] })},
	{"empty-value-is-none",
		"An extension without bytes was mistaken for no extension; it is options at their defaults.",
		params(func(p *bootstrap.BootstrapParams) {
			p.Extensions = slices.DeleteFunc(p.Extensions, func(e *bootstrap.Extension) bool {
				return isOurs(e) &&
					len(e.Value.Value) == 0
			})
		})},
	{"at-most-8-extensions", "A fixed array.",
		params(func(p *bootstrap.BootstrapParams) { p.Extensions = p.Extensions[:min(8, len(p.Extensions))] })},
	{"damaged-extension-before-ours-skipped", "An extension that does not decode was treated as one of another type.",
		damagedSkipped(isDamagedExtension, false)},
	{"damaged-any-before-ours-skipped",
		"The Any of an extension was kept as bytes until it was needed, and its error was ignored.",
		damagedSkipped(isDamagedAny, false)},
	{"damaged-extension-behind-ours-skipped", "The loop ends at the first options, and extensions are decoded in it.",
		damagedSkipped(isDamagedExtension, true)},
	{"damaged-any-behind-ours-skipped", "The loop ends at the first options, and each Any is decoded in it.",
		damagedSkipped(isDamagedAny, true)},
	{"nothing-read-behind-ours", "A reader of the stream that returns as soon as it has what it wants.",
		payloads(func(b []byte) []byte {
			for f := range parsed(b) {
				if f.Num == 8 && f.Type == protowire.BytesType && namesOptions(extensionURL(f.Value)) {
					return b[:f.Offset+len(f.Raw)]
				}
			}
			return b
		})},
}

// damagedSkipped is a bug that skips extensions of other types that are damaged,
// before ours or behind it.
func damagedSkipped(isDamaged func([]byte) bool, behind bool) func(Read) Read {
	return messages(func(m message) []byte {
		found := false
		return eachField(m.b, func(f wire.Field) []byte {
			if !m.params || f.Num != 8 || f.Type != protowire.BytesType {
				return f.Raw
			}
			isOurs := namesOptions(extensionURL(f.Value))
			found = found || isOurs
			if !isOurs && found == behind && isDamaged(f.Value) {
				return wire.Message{wire.Sub(8)}.Encode()
			}
			return f.Raw
		})
	})
}

func isDamagedExtension(b []byte) bool { return !isWellFormed(b) }

func isDamagedAny(b []byte) bool {
	return isWellFormed(b) && anyField(b, func(f wire.Field) bool {
		return f.Num == 1 && f.Type == protowire.BytesType && !isWellFormed(f.Value)
	})
}
