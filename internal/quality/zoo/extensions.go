package zoo

import (
	"shimfuzz/internal/stdin"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
)

func isOurs(e *bootstrap.Extension) bool { return namesOptions(e.GetValue().GetTypeUrl()) }

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
		refused(func(b []byte, _ *options.Options) bool { return count(b, isOurs) > 1 })},
	{"any-of-the-options", "A map by type URL was filled and read.",
		params(func(p *bootstrap.BootstrapParams) {
			byURL := make(map[string]*bootstrap.Extension)
			for _, e := range p.Extensions {
				byURL[e.GetValue().GetTypeUrl()] = e
			}
			p.Extensions = p.Extensions[:0]
			for _, e := range byURL {
				p.Extensions = append(p.Extensions, e)
			}
		})},
	{"damaged-options-skipped", "continue instead of return in the loop.",
		params(func(p *bootstrap.BootstrapParams) {
			p.Extensions = slices.DeleteFunc(p.Extensions, func(e *bootstrap.Extension) bool {
				return isOurs(e) && proto.Unmarshal(e.Value.Value, new(options.Options)) != nil
			})
		})},
	{"damaged-options-in-part", "What could be decoded is kept when the rest cannot.",
		answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
			own := new(options.Options)
			if err != nil && stdin.IsBootstrap(b) && proto.Unmarshal(stdin.OptionsBytes(b), own) != nil {
				return own, nil
			}
			return opts, err
		})},
	{"foreign-extension-refused", "An unknown extension was mistaken for an error.",
		refused(func(b []byte, _ *options.Options) bool {
			return count(b, func(e *bootstrap.Extension) bool { return !isOurs(e) }) > 0
		})},
	{"stops-at-foreign-extension", "break instead of continue in the loop.",
		params(func(p *bootstrap.BootstrapParams) {
			if i := slices.IndexFunc(p.Extensions, func(e *bootstrap.Extension) bool { return !isOurs(e) }); i >= 0 {
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

func count(b []byte, is func(*bootstrap.Extension) bool) (n int) {
	var p bootstrap.BootstrapParams
	if !stdin.IsBootstrap(b) || proto.Unmarshal(b, &p) != nil {
		return 0
	}
	for _, e := range p.Extensions {
		if is(e) {
			n++
		}
	}
	return n
}
