package zoo

import (
	"bytes"
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
		fields(func(o *options.Options) {
			eachScalar(o, func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
				if fd.HasPresence() && fd.Kind() == protoreflect.BoolKind && !v.Bool() {
					o.ProtoReflect().Clear(fd)
				}
			})
		})},
	{"unset-is-false", "An optional bool copied with its getter.",
		fields(func(o *options.Options) {
			all := o.ProtoReflect().Descriptor().Fields()
			for i := range all.Len() {
				if fd := all.Get(i); fd.HasPresence() && fd.Kind() == protoreflect.BoolKind && !o.ProtoReflect().Has(fd) {
					o.ProtoReflect().Set(fd, protoreflect.ValueOfBool(false))
				}
			}
		})},
	{"unknown-enum-is-zero", "A switch over the known values, with a default.",
		fields(func(o *options.Options) {
			eachScalar(o, func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
				if fd.Kind() == protoreflect.EnumKind && fd.Enum().Values().ByNumber(v.Enum()) == nil {
					o.ProtoReflect().Clear(fd)
				}
			})
		})},
	{"unknown-enum-refused", "Validation, as in proto2's closed enums.",
		refused(func(_ []byte, o *options.Options) (bad bool) {
			if o == nil {
				return false
			}
			eachScalar(o, func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
				bad = bad || fd.Kind() == protoreflect.EnumKind && fd.Enum().Values().ByNumber(v.Enum()) == nil
			})
			return bad
		})},
	{"negative-refused", "A size cannot be negative.",
		refused(func(_ []byte, o *options.Options) (bad bool) {
			if o == nil {
				return false
			}
			eachScalar(o, func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
				bad = bad || fd.Kind() == protoreflect.Int32Kind && v.Int() < 0
			})
			return bad
		})},
	{"negative-is-zero", "max(0, x), where the service checks it anyway.",
		fields(func(o *options.Options) {
			eachScalar(o, func(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
				if fd.Kind() == protoreflect.Int32Kind && v.Int() < 0 {
					o.ProtoReflect().Clear(fd)
				}
			})
		})},
	{"sixteen-bits", "A processor count fits in 16 bits.",
		fields(func(o *options.Options) {
			set(o, "vm_processor_count", int32(int16(field[int32](o, "vm_processor_count"))))
		})},
	{"default-filled-in", "The default was set where the options are read, and not where they are used.",
		fields(func(o *options.Options) {
			if field[string](o, "sandbox_platform") == "" {
				set(o, "sandbox_platform", "windows/amd64")
			}
		})},
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
		fields(func(o *options.Options) { set(o, "log_level", strings.ToLower(field[string](o, "log_level"))) })},
	{"empty-annotations-dropped", "An empty value was mistaken for no value.",
		fields(func(o *options.Options) {
			eachAnnotation(o, func(k, v string) (string, string, bool) { return k, v, v != "" })
		})},
	{"nameless-annotation-dropped", "An annotation without a name is of no use.",
		fields(func(o *options.Options) {
			eachAnnotation(o, func(k, v string) (string, string, bool) { return k, v, k != "" })
		})},
	{"annotations-lowered", "Keys of HTTP headers are like that.",
		fields(func(o *options.Options) {
			eachAnnotation(o, func(k, v string) (string, string, bool) { return strings.ToLower(k), v, true })
		})},
	{"annotations-forgotten", "A copy field by field, made before there were annotations.",
		fields(func(o *options.Options) {
			eachAnnotation(o, func(k, v string) (string, string, bool) { return k, v, false })
		})},
	{"unknown-fields-refused", "Strictness: a newer containerd's fields were mistaken for an error.",
		refused(func(b []byte, o *options.Options) bool { return o != nil && len(o.ProtoReflect().GetUnknown()) > 0 })},
	{"unknown-ambient-refused", "The same for fields beside the options.",
		refused(func(b []byte, _ *options.Options) bool {
			p := new(bootstrap.BootstrapParams)
			return stdin.IsBootstrap(b) && proto.Unmarshal(b, p) == nil && len(p.ProtoReflect().GetUnknown()) > 0
		})},
	{"groups-refused", "Groups are deprecated.",
		refused(func(b []byte, _ *options.Options) bool {
			all, _ := wire.Parse(b)
			for _, f := range all {
				if f.Type == protowire.StartGroupType {
					return true
				}
			}
			return false
		})},
	{"canonical-only", "The message was encoded again and compared, as a check of its integrity.",
		refused(func(b []byte, o *options.Options) bool {
			if o == nil || stdin.IsBootstrap(b) {
				return false
			}
			own := new(options.Options)
			return proto.Unmarshal(stdin.OptionsBytes(b), own) == nil &&
				len(encoded(own)) != len(stdin.OptionsBytes(b))
		})},
	{"long-varints-refused", "Only the shortest form is right, in other formats.",
		refused(func(b []byte, o *options.Options) bool {
			for len(b) > 0 {
				num, typ, n := protowire.ConsumeTag(b)
				m := protowire.ConsumeFieldValue(num, typ, b[max(0, n):])
				if n < 0 || m < 0 {
					return false
				}
				if protowire.SizeTag(num) != n {
					return true
				}
				b = b[n+m:]
			}
			return false
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
		refused(func(b []byte, o *options.Options) bool {
			all, _ := wire.Parse(b)
			for _, f := range all {
				if f.Num <= 2 && f.Type != protowire.BytesType {
					return true
				}
			}
			return false
		})},
	{"utf8-unchecked", "The type URL's bytes were used as they are: a damaged name is some other type.",
		answers(func(b []byte, o *options.Options, err error) (*options.Options, error) {
			if url, _ := stdin.AnyParts(b); err != nil && !stdin.IsBootstrap(b) && !utf8.ValidString(url) {
				return nil, nil
			}
			return o, err
		})},
	{"debug-from-log-level", "One switch for both: the parameters' log level sets debug.",
		ambient(func(p *bootstrap.BootstrapParams, o *options.Options) {
			if p.LogLevel == bootstrap.LogLevel_LOG_LEVEL_DEBUG {
				set(o, "debug", true)
			}
		})},
	{"proxy-from-address", "An address is an address.",
		ambient(func(p *bootstrap.BootstrapParams, o *options.Options) {
			if field[string](o, "NCProxyAddr") == "" {
				set(o, "NCProxyAddr", p.ContainerdTtrpcAddress)
			}
		})},
	{"id-in-registry-root", "A folder for each container, below the configured one.",
		ambient(func(p *bootstrap.BootstrapParams, o *options.Options) {
			if root := field[string](o, "registry_root"); root != "" && p.InstanceID != "" {
				set(o, "registry_root", root+`\`+p.InstanceID)
			}
		})},
	{"moby-has-own-defaults", "A special case for one namespace.",
		answers(func(b []byte, o *options.Options, err error) (*options.Options, error) {
			if stdin.IsBootstrap(b) && bytes.Contains(b, []byte("moby")) && o != nil {
				return nil, nil
			}
			return o, err
		})},
}

// ambient is a bug that lets what stands beside the options into them.
func ambient(leak func(*bootstrap.BootstrapParams, *options.Options)) func(Read) Read {
	return answers(func(b []byte, opts *options.Options, err error) (*options.Options, error) {
		p := new(bootstrap.BootstrapParams)
		if opts != nil && err == nil && stdin.IsBootstrap(b) && proto.Unmarshal(b, p) == nil {
			leak(p, opts)
		}
		return opts, err
	})
}

// eachScalar visits the fields that are set and no map.
func eachScalar(o *options.Options, visit func(protoreflect.FieldDescriptor, protoreflect.Value)) {
	o.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !fd.IsMap() {
			visit(fd, v)
		}
		return true
	})
}
