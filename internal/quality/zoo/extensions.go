package zoo

import (
	"maps"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/stdin"
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
	{"empty-value-is-none", "An extension without bytes was mistaken for no extension; it is options at their defaults.",
		params(func(p *bootstrap.BootstrapParams) {
			p.Extensions = slices.DeleteFunc(p.Extensions, func(e *bootstrap.Extension) bool { return isOurs(e) && len(e.Value.Value) == 0 })
		})},
	{"at-most-8-extensions", "A fixed array.",
		params(func(p *bootstrap.BootstrapParams) { p.Extensions = p.Extensions[:min(8, len(p.Extensions))] })},
}
