// Package table is where the corpus comes from: every case but the recorded ones, written
// as the parts of its message, with the answer that the contract gives it.
//
// A case is named <family>_<what> and makes one point. Cases of one class say
// the same and must decode to identical options.
package table

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// table is the cases in the order of the index.
type table []corpus.Case

// add appends a case that has the answer, the class and the flags of another one.
func (t *table) add(like corpus.Case, name, note string, payload ...wire.Part) {
	like.Name, like.Note, like.Payload.Bytes = name, note, wire.Message(payload).Encode()
	*t = append(*t, like)
}

// rows returns what adds cases whose names begin alike.
func (t *table) rows(prefix string, like corpus.Case) func(name, note string, payload ...wire.Part) {
	return func(name, note string, payload ...wire.Part) { t.add(like, prefix+name, note, payload...) }
}

// both adds two cases of one point: the options as a legacy Any, and as an extension.
func (t *table) both(like corpus.Case, name, note string, opts ...wire.Part) {
	t.add(like, "legacy_"+name, note, legacy(opts...)...)
	t.add(like, "bootstrap_"+name, note, bootstrap(extensionOf(googleapis+optionsName, opts...))...)
}

// says is a case whose answer is options, as protobuf JSON; and answered is one with another
// answer.
func says(class, opts string, flags ...string) corpus.Case {
	return corpus.Case{Outcome: contract.Options, Class: class, Options: json.RawMessage(opts), Flags: flags}
}

func answered(want contract.Kind, flags ...string) corpus.Case {
	return corpus.Case{Outcome: want, Flags: flags}
}

// of is a case of the class of an earlier one, whose options it has.
func (t *table) of(class string, flags ...string) corpus.Case {
	i := slices.IndexFunc(*t, func(c corpus.Case) bool { return c.Class == class })
	return says(class, string((*t)[i].Options), flags...)
}

// free allows error/malformed, too, by a freedom of the contract. The index has the
// reference's answer first.
func free(c corpus.Case, freedom string, refused bool) corpus.Case {
	c.Or, c.Flags = []contract.Kind{contract.Malformed}, append(slices.Clip(c.Flags), freedom)
	if refused {
		c.Outcome, c.Or[0] = c.Or[0], c.Outcome
	}
	return c
}

// Field numbers of containerd.runhcs.v1.Options.
const (
	debug       = 1
	annotations = 18
)

// The types of options.
const (
	optionsName   = contract.OptionsName
	emptyName     = "google.protobuf.Empty"
	timestampName = "google.protobuf.Timestamp"
	runcName      = "containerd.runc.v1.Options"
	runtimeName   = "runtimeoptions.v1.Options"
	processName   = "containerd.runhcs.v1.ProcessDetails"
	unregistered  = "nri.v1.PluginConfig"
	googleapis    = "type.googleapis.com/"
)

// typical is the options that most cases carry: several kinds of fields, each set.
const typical = `{"debug":true,"sandboxPlatform":"windows/amd64","sandboxIsolation":"HYPERVISOR",` +
	`"vmMemorySizeInMb":2048,"defaultContainerAnnotations":{"io.microsoft.container":"on","team":"é"},` +
	`"scrubLogs":true}`

// criDefault is what CRI sends for io.containerd.runhcs.v1 when nothing is configured.
const criDefault = `{"scrubLogs":true}`

// parts is options in the standard encoding.
func parts(text string) (m wire.Message) {
	fields, _ := wire.Parse(Must(proto.MarshalOptions{Deterministic: true}.Marshal(Parse(text))))
	for _, f := range fields {
		p := wire.Bytes(f.Num, f.Value)
		if f.Type == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(f.Value)
			p = wire.Varint(f.Num, v)
		}
		m = append(m, p)
	}
	return m
}

// Parse turns protobuf JSON into options.
func Parse(text string) *options.Options {
	opts := new(options.Options)
	return Must(opts, protojson.Unmarshal([]byte(text), opts))
}

// Must returns v. An error is a mistake in a table, which is ours.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("table: %v", err))
	}
	return v
}

// legacy is options as a bare Any, as containerd up to 2.2 sends them, and anyOf is one of
// any type.
func legacy(opts ...wire.Part) wire.Message { return anyOf(optionsName, opts...) }

func anyOf(url string, value ...wire.Part) wire.Message {
	if len(value) == 0 {
		return wire.Message{wire.String(1, url)}
	}
	return wire.Message{wire.String(1, url), wire.Sub(2, value...)}
}

// extension is options as an Extension of BootstrapParams, and extensionOf is one of any type.
func extension(opts ...wire.Part) wire.Part { return extensionOf(optionsName, opts...) }

func extensionOf(url string, value ...wire.Part) wire.Part {
	return wire.Sub(8, wire.Sub(1, anyOf(url, value...)...))
}

// bootstrap is BootstrapParams with extensions, as containerd from 2.3 on sends
// it at log level info.
func bootstrap(extensions ...wire.Part) wire.Message {
	return identified("web-1", "k8s.io", extensions...)
}

func identified(id, namespace string, extensions ...wire.Part) wire.Message {
	return append(wire.Message{
		wire.String(1, id),
		wire.String(2, namespace),
		wire.String(4, "2.3.7"),
		wire.String(5, `\\.\pipe\containerd-containerd.ttrpc`),
		wire.String(6, `\\.\pipe\containerd-containerd`),
		wire.String(7, `C:\Program Files\containerd\containerd.exe`),
	}, extensions...)
}

// text is any bytes in the place of a message.
func text(s string) wire.Part { return wire.Raw([]byte(s)) }
