package handwritten

import (
	"math"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/wire"
)

// ambientFields are bugs in which the fields beside the options change the answer.
var ambientFields = []Bug{
	{"log-level-out-of-range-refused",
		"A varint that does not fit into 32 bits was taken for an error; the high bits are to be cut.",
		refused(func(a *answer) bool {
			return a.isParams() && anyField(a.payload, func(f wire.Field) bool {
				v := logLevel(f)
				return v > math.MaxInt32 || v < math.MinInt32
			})
		})},
	{"log-level-negative-refused", "A level is an index into a list of names.",
		refused(func(a *answer) bool { return paramsOf(a.payload).GetLogLevel() < 0 })},
	{"log-level-unknown-refused", "logrus.ParseLevel of the enum's name, and a newer containerd's level.",
		refused(func(a *answer) bool {
			return bootstrap.LogLevel_name[int32(paramsOf(a.payload).GetLogLevel())] == "" && a.isParams()
		})},
	{"log-level-twice-refused", "A field that occurs twice cannot be meant.",
		refused(func(a *answer) bool { return a.isParams() && count(a.payload, 3, protowire.VarintType) > 1 })},
	{"version-twice-refused", "A field that occurs twice cannot be meant.",
		refused(func(a *answer) bool { return a.isParams() && count(a.payload, 4, protowire.BytesType) > 1 })},
	{"neither-version-nor-binary-refused", "Every containerd sends one of them.",
		where(func(a *answer) bool { return a.isParams() && !has(a.payload, 4) && !has(a.payload, 7) }, refuse)},
	{"neither-address-refused", "Every containerd sends one of them.",
		where(func(a *answer) bool { return a.isParams() && !has(a.payload, 5) && !has(a.payload, 6) }, refuse)},
	{"log-level-with-socket-dir-is-none",
		"The two were added by one version of containerd, which does not send options.",
		where(func(a *answer) bool { return a.isParams() && has(a.payload, 3) && has(a.payload, 9) }, giveDefaults)},
	{"namespace-equals-id-is-none", "Nobody has two equal names, so it looked like a probe.",
		whereParams(func(p *bootstrap.BootstrapParams) bool {
			return p.InstanceID != "" &&
				p.InstanceID == p.Namespace
		})},
	{"no-id-is-none", "Without an ID there is no container to have options.",
		whereParams(func(p *bootstrap.BootstrapParams) bool { return p.InstanceID == "" })},
	{"no-namespace-is-none", "Without a namespace there is no container to have options.",
		whereParams(func(p *bootstrap.BootstrapParams) bool { return p.Namespace == "" })},
	{"version-empty-is-none", "A version that is there and empty cannot be compared.",
		where(func(a *answer) bool {
			return a.isParams() && anyField(a.payload, func(f wire.Field) bool {
				return f.Num == 4 && f.Type == protowire.BytesType && len(f.Value) == 0
			})
		}, giveDefaults)},
	{"socket-dir-empty-is-none", "Optional, and so taken to be never empty.",
		whereParams(func(p *bootstrap.BootstrapParams) bool { return p.SocketDir != nil && *p.SocketDir == "" })},
	{"same-addresses-is-none", "The two addresses are of different protocols.",
		whereParams(func(p *bootstrap.BootstrapParams) bool {
			return p.ContainerdTtrpcAddress != "" && p.ContainerdTtrpcAddress == p.ContainerdGrpcAddress
		})},
}

// logLevel is the value of a field that is BootstrapParams' log level, and 0 of others.
func logLevel(f wire.Field) int64 {
	if f.Num != 3 || f.Type != protowire.VarintType {
		return 0
	}
	v, _ := protowire.ConsumeVarint(f.Value)
	return int64(v)
}

// whereParams is a bug that loses the options of certain BootstrapParams.
func whereParams(are func(*bootstrap.BootstrapParams) bool) func(Read) Read {
	return where(func(a *answer) bool {
		p := paramsOf(a.payload)
		return p != nil && a.opts != nil && are(p)
	}, giveDefaults)
}
