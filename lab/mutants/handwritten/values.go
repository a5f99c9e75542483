package handwritten

import (
	"bytes"
	"cmp"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// values are bugs in the options themselves: in their encoding, their fields,
// and what stands beside them.
var values = []Bug{
	{"false-is-unset", "An optional bool copied with an if.",
		cleared(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			return fd.HasPresence() && fd.Kind() == protoreflect.BoolKind && !v.Bool()
		})},
	{"unset-is-false", "An optional bool copied with its getter.",
		fields(func(o *options.Options) {
			all := o.ProtoReflect().Descriptor().Fields()
			for i := range all.Len() {
				if fd := all.Get(i); fd.HasPresence() && fd.Kind() == protoreflect.BoolKind &&
					!o.ProtoReflect().Has(fd) {
					o.ProtoReflect().Set(fd, protoreflect.ValueOfBool(false))
				}
			}
		})},
	{"unknown-enum-is-zero", "A switch over the known values, with a default.", cleared(isUnknownEnum)},
	{"unknown-enum-refused", "Validation, as in proto2's closed enums.", refusedFor(isUnknownEnum)},
	{"negative-refused", "A size cannot be negative.", refusedFor(isNegative)},
	{"negative-is-zero", "max(0, x), where the service checks it anyway.", cleared(isNegative)},
	{"sixteen-bits", "A processor count fits in 16 bits.",
		fields(func(o *options.Options) { o.VmProcessorCount = int32(int16(o.VmProcessorCount)) })},
	{"default-filled-in", "The default was set where the options are read, and not where they are used.",
		fields(func(o *options.Options) { o.SandboxPlatform = cmp.Or(o.SandboxPlatform, "windows/amd64") })},
	{"strings-trimmed", "Blanks in configuration files.",
		fields(func(o *options.Options) { eachString(o, strings.TrimSpace) })},
	{"paths-made-native", "Slashes in paths of Windows.",
		fields(func(o *options.Options) {
			eachString(o, func(s string) string { return strings.ReplaceAll(s, "/", `\`) })
		})},
	{"strings-up-to-zero", "C strings.",
		fields(func(o *options.Options) {
			eachString(o, func(s string) string { before, _, _ := strings.Cut(s, "\x00"); return before })
		})},
	{"strings-to-260", "MAX_PATH.",
		fields(func(o *options.Options) { eachString(o, func(s string) string { return s[:min(260, len(s))] }) })},
	{"log-level-lowered", "logrus wants it in small letters.",
		fields(func(o *options.Options) { o.LogLevel = strings.ToLower(o.LogLevel) })},
	{"empty-annotations-dropped", "An empty value was mistaken for no value.",
		fields(func(o *options.Options) {
			maps.DeleteFunc(o.DefaultContainerAnnotations, func(_, v string) bool { return v == "" })
		})},
	{"nameless-annotation-dropped", "An annotation without a name is of no use.",
		fields(func(o *options.Options) { delete(o.DefaultContainerAnnotations, "") })},
	{"annotations-lowered", "Keys of HTTP headers are like that.",
		fields(func(o *options.Options) {
			old := o.DefaultContainerAnnotations
			o.DefaultContainerAnnotations = make(map[string]string)
			for k, v := range old {
				o.DefaultContainerAnnotations[strings.ToLower(k)] = v
			}
		})},
	{"annotations-forgotten", "A copy field by field, made before there were annotations.",
		fields(func(o *options.Options) { o.DefaultContainerAnnotations = nil })},
	{"unknown-fields-refused", "Strictness: a newer containerd's fields were mistaken for an error.",
		refused(func(a *answer) bool { return len(a.opts.ProtoReflect().GetUnknown()) > 0 })},
	{"unknown-ambient-refused", "The same for fields beside the options.",
		refused(func(a *answer) bool { return len(paramsOf(a.payload).ProtoReflect().GetUnknown()) > 0 })},
	{"groups-refused", "Groups are deprecated.",
		refused(func(a *answer) bool {
			return anyField(a.payload, func(f wire.Field) bool { return f.Type == protowire.StartGroupType })
		})},
	{"canonical-only", "The message was encoded again and compared, as a check of its integrity.",
		refused(func(a *answer) bool {
			own := new(options.Options)
			sent := stdin.OptionsBytes(a.payload)
			return a.opts != nil && !a.isParams() && proto.Unmarshal(sent, own) == nil && len(encoded(own)) != len(sent)
		})},
	{"long-varints-refused", "Only the shortest form is right, in other formats.",
		refused(func(a *answer) bool {
			return anyField(a.payload, func(f wire.Field) bool {
				_, _, n := protowire.ConsumeTag(f.Raw)
				return protowire.SizeTag(f.Num) != n
			})
		})},
	{"first-of-repeated", "A field that occurs twice: the first one was kept, not the last.",
		payloads(func(b []byte) []byte {
			if stdin.IsBootstrap(b) {
				return b
			}
			seen := make(map[protowire.Number]bool)
			return eachField(b, func(f wire.Field) []byte {
				if f.Type == protowire.BytesType && f.Num <= 2 {
					if seen[f.Num] {
						return nil
					}
					seen[f.Num] = true
				}
				return f.Raw
			})
		})},
	{"wrong-wire-type-refused", "A known field number with another wire type is an unknown field, not an error.",
		refused(func(a *answer) bool {
			return anyField(a.payload, func(f wire.Field) bool { return f.Num <= 2 && f.Type != protowire.BytesType })
		})},
	{"utf8-unchecked", "The type URL's bytes were used as they are: a damaged name is some other type.",
		where(func(a *answer) bool { return a.err != nil && !a.isParams() && !utf8.ValidString(a.url()) },
			giveDefaults)},
	{"debug-from-log-level", "One switch for both: the parameters' log level sets debug.",
		ambient(func(p *bootstrap.BootstrapParams, o *options.Options) {
			o.Debug = o.Debug || p.LogLevel == bootstrap.LogLevel_LOG_LEVEL_DEBUG
		})},
	{"proxy-from-address", "An address is an address.",
		ambient(func(p *bootstrap.BootstrapParams, o *options.Options) {
			o.NCProxyAddr = cmp.Or(o.NCProxyAddr, p.ContainerdTtrpcAddress)
		})},
	{"id-in-registry-root", "A folder for each container, below the configured one.",
		ambient(func(p *bootstrap.BootstrapParams, o *options.Options) {
			if o.RegistryRoot != "" && p.InstanceID != "" {
				o.RegistryRoot += `\` + p.InstanceID
			}
		})},
	{"moby-has-own-defaults", "A special case for one namespace.",
		where(func(a *answer) bool {
			return a.isParams() && bytes.Contains(a.payload, []byte("moby")) && a.opts != nil
		}, giveDefaults)},
}

// ambient is a bug that lets what stands beside the options into them.
func ambient(leak func(*bootstrap.BootstrapParams, *options.Options)) func(Read) Read {
	return answers(func(a *answer) {
		if p := paramsOf(a.payload); a.opts != nil && a.err == nil && p != nil {
			leak(p, a.opts)
		}
	})
}

// cleared is a bug that loses fields with certain values.
func cleared(is func(protoreflect.FieldDescriptor, protoreflect.Value) bool) func(Read) Read {
	return fields(func(o *options.Options) {
		for fd, v := range o.ProtoReflect().Range {
			if is(fd, v) {
				o.ProtoReflect().Clear(fd)
			}
		}
	})
}

// refusedFor is a bug that makes an error of fields with certain values.
func refusedFor(is func(protoreflect.FieldDescriptor, protoreflect.Value) bool) func(Read) Read {
	return refused(func(a *answer) bool {
		for fd, v := range a.opts.ProtoReflect().Range {
			if is(fd, v) {
				return true
			}
		}
		return false
	})
}

func isUnknownEnum(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	return fd.Kind() == protoreflect.EnumKind && fd.Enum().Values().ByNumber(v.Enum()) == nil
}

func isNegative(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
	return fd.Kind() == protoreflect.Int32Kind && v.Int() < 0
}
