// Package table is where the corpus comes from: every case, written as the
// parts of its message, with the answer that the contract gives it.
//
// A case is named <family>_<what> and makes one point. Cases of one class say
// the same and must decode to identical options.
package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// Case is one row of the table.
type Case struct {
	Name    string
	Payload []byte
	Want    contract.Kind
	Or      []contract.Kind // the other answers that the contract allows
	Options string          // protobuf JSON, for an answer options
	Class   string
	Flags   []string
	Note    string
	Origin  *Origin // of a recorded one
}

// Family is the part of the name before the first underscore, and the folder.
func (c Case) Family() string {
	family, _, _ := strings.Cut(c.Name, "_")
	return family
}

// Cases returns the whole table. Its error is one of the recordings.
func Cases() ([]Case, error) {
	recordings, err := recorded()
	return slices.Concat(
		legacySenders(), bootstrapSenders(), fields(), equivalences(), neighbours(),
		foreign(), ambiguous(), identifiers(), damaged(), otherFormats(), elements(), texts(), recordings,
	), err
}

// Field numbers of containerd.runhcs.v1.Options, from runhcs.proto.
const (
	debug            = 1
	debugType        = 2
	registryRoot     = 3
	sandboxPlatform  = 5
	sandboxIsolation = 6
	vmProcessors     = 8
	vmMemory         = 9
	scaleCPULimits   = 11
	ncProxyAddr      = 15
	logLevel         = 16
	annotations      = 18
	noTimezone       = 19
	scrubLogs        = 20
)

// The options that most cases carry: several kinds of fields, each set.
const typical = `{"debug":true,"sandboxPlatform":"windows/amd64","sandboxIsolation":"HYPERVISOR",` +
	`"vmMemorySizeInMb":2048,` +
	`"defaultContainerAnnotations":{"io.microsoft.container":"on","team":"é"},"scrubLogs":true}`

func typicalParts() wire.Message {
	return wire.Message{
		wire.Bool(debug, true),
		wire.String(sandboxPlatform, "windows/amd64"),
		wire.Varint(sandboxIsolation, 1),
		wire.Varint(vmMemory, 2048),
		entry("io.microsoft.container", "on"),
		entry("team", "é"),
		wire.Bool(scrubLogs, true),
	}
}

func entry(key, value string) wire.Part {
	return wire.Sub(annotations, wire.String(1, key), wire.String(2, value))
}

// legacy is a bare Any, as containerd up to 2.2 sends it.
func legacy(url string, value wire.Message) wire.Message {
	if len(value) == 0 {
		return wire.Message{wire.String(1, url)}
	}
	return wire.Message{wire.String(1, url), wire.Sub(2, value...)}
}

// bootstrap is BootstrapParams with extensions, as containerd from 2.3 on sends
// it at log level info.
func bootstrap(extensions ...wire.Part) wire.Message {
	return identified("web-1", "k8s.io", extensions...)
}

func identified(id, namespace string, extensions ...wire.Part) wire.Message {
	m := wire.Message{
		wire.String(1, id),
		wire.String(2, namespace),
		wire.String(4, "2.3.7"),
		wire.String(5, `\\.\pipe\containerd-containerd.ttrpc`),
		wire.String(6, `\\.\pipe\containerd-containerd`),
		wire.String(7, `C:\Program Files\containerd\containerd.exe`),
	}
	return append(m, extensions...)
}

// extension is an Extension of BootstrapParams.
func extension(url string, value wire.Message) wire.Part {
	return wire.Sub(8, wire.Sub(1, legacy(url, value)...))
}

const googleapis = "type.googleapis.com/"

// typicalAny and typicalExtension are typical in either family.
func typicalAny() wire.Message { return legacy(contract.OptionsName, typicalParts()) }

func typicalExtension() wire.Part { return extension(contract.OptionsName, typicalParts()) }

// damagedExtension is an Extension of Options that do not decode.
func damagedExtension() wire.Part { return extension(contract.OptionsName, text("\xff")) }

// text is any bytes in the place of a message.
func text(s string) wire.Message { return wire.Message{wire.Raw([]byte(s))} }

// arrives is a case whose answer is options.
func arrives(name, class, options, note string, m wire.Message, flags ...string) Case {
	return Case{Name: name, Payload: m.Encode(), Want: contract.Options, Options: options, Class: class, Note: note,
		Flags: flags}
}

// answered is a case with another answer.
func answered(name string, want contract.Kind, note string, m wire.Message, flags ...string) Case {
	return Case{Name: name, Payload: m.Encode(), Want: want, Note: note, Flags: flags}
}

// both makes two cases of one point: the options as a legacy Any, and as an
// extension.
func both(what, class, want, note string, flags []string, value wire.Message) []Case {
	return []Case{
		arrives("legacy_"+what, class, want, note, legacy(contract.OptionsName, value), flags...),
		arrives("bootstrap_"+what, class, want, note, bootstrap(extension(googleapis+contract.OptionsName, value)),
			flags...),
	}
}

// parse turns protobuf JSON into options. The table is ours, so a failure is a
// mistake in it.
func parse(text string) *options.Options {
	opts := new(options.Options)
	if err := protojson.Unmarshal([]byte(text), opts); err != nil {
		panic(fmt.Sprintf("table: %s: %v", text, err))
	}
	return opts
}

func flags(f ...string) []string { return f }
