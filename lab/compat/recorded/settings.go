package recorded

import (
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/lab/compat/senders/order"
	"shimfuzz/lab/table"
)

// Setting is what an operator writes for one runtime into containerd's configuration
// file, in CRI's table of runtimes.
type Setting struct {
	Name    string
	Shim    string // base name of the binary that is started
	Type    string // runtime_type
	Path    string // runtime_path, "" for none
	TOML    string // content of the runtime's table options
	NoTable bool   // there is no table options
	Windows string // name of the runtime that containerd for Windows has by itself, which is changed or left alone
	Means   string // the options that are to become of it, as protobuf JSON; "" if an error is the right answer
}

// The types of runtimes for which CRI makes options.
const (
	runHCSType = "io.containerd.runhcs.v1" // CRI makes runhcs Options for this type only
	lcowType   = "io.containerd.lcow.v2"
)

// everyFieldSet is what everySetting says.
var everyFieldSet = strings.Replace(Requested("all").JSON, `"scrubLogs":false`, `"scrubLogs":true`, 1)

// everySetting sets each field of Options to what everyFieldSet says, in the order of their
// numbers. The values are written alike in Go and TOML, but for a map.
func everySetting(spell func(fd protoreflect.FieldDescriptor) string) (toml string) {
	m := table.Parse(everyFieldSet).ProtoReflect()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		value := fmt.Sprintf("%#v", m.Get(fd).Interface())
		if fd.IsMap() {
			value = `{team = "é"}`
		}
		toml += spell(fd) + " = " + value + "\n"
	}
	return toml
}

// goName is the name of a field in Go.
func goName(fd protoreflect.FieldDescriptor) string {
	return strings.ToUpper(fd.JSONName()[:1]) + fd.JSONName()[1:]
}

// Settings is what is recorded of the way from the configuration to a shim.
func Settings() []Setting {
	const (
		scrub    = `{"scrubLogs":true}`
		isolated = `{"sandboxIsolation":"HYPERVISOR"}`
		windows  = `{"sandboxIsolation":"HYPERVISOR","scaleCpuLimitsToSandbox":true,"scrubLogs":true}`
	)
	lower := func(fd protoreflect.FieldDescriptor) string { return strings.ToLower(goName(fd)) }
	upper := func(fd protoreflect.FieldDescriptor) string { return strings.ToUpper(goName(fd)) }
	binary := func(shim string) string { return path.Join(order.Home, shim) }
	all := []Setting{
		{Name: "no-table", NoTable: true, Means: `{}`},
		{Name: "empty-table", Means: `{}`},
		{Name: "scrub", TOML: "ScrubLogs = true", Means: scrub},
		{Name: "scrub-off", TOML: "ScrubLogs = false", Means: `{"scrubLogs":false}`},
		{Name: "every-go-name", Means: everyFieldSet, TOML: everySetting(goName)},
		{Name: "every-lower-case", Means: everyFieldSet, TOML: everySetting(lower)},
		{Name: "every-upper-case", Means: everyFieldSet, TOML: everySetting(upper)},
		{Name: "every-json-name", Means: everyFieldSet, TOML: everySetting(protoreflect.FieldDescriptor.JSONName)},
		{Name: "every-snake-case", Means: everyFieldSet, TOML: everySetting(protoreflect.FieldDescriptor.TextName)},
		{Name: "snake-case", TOML: "sandbox_isolation = 1", Means: isolated},
		{Name: "misspelt", TOML: "SandboxIsolaton = 1", Means: isolated},
		{Name: "twice", TOML: "SandboxIsolation = 1\nsandboxisolation = 0", Means: isolated},
		{Name: "config-path-beside", TOML: `ConfigPath = 'C:\shim.toml'` + "\nSandboxIsolation = 1", Means: isolated},
		{Name: "enum-by-name", TOML: `SandboxIsolation = "HYPERVISOR"`},
		{Name: "enum-unknown", TOML: "SandboxIsolation = 7"},
		{Name: "bool-as-text", TOML: `ScrubLogs = "true"`},
		{Name: "bool-as-number", TOML: "ScrubLogs = 1"},
		{Name: "number-as-text", TOML: `VmMemorySizeInMb = "2048"`},
		{Name: "number-as-float", TOML: "VmMemorySizeInMb = 2048.0"},
		{Name: "number-too-large", TOML: "VmMemorySizeInMb = 2147483648"},
		{Name: "number-negative", TOML: "VmMemorySizeInMb = -1"},
		{Name: "number-too-negative", TOML: "VmMemorySizeInMb = -2147483649"},
		{Name: "text-as-number", TOML: "SandboxImage = 3"},
		{Name: "text-as-list", TOML: `SandboxImage = ["pause:3.9"]`},
		{Name: "annotation-as-number", TOML: "DefaultContainerAnnotations = {team = 1}"},
		{Name: "runtime-path", Shim: OrdinaryShim, Path: binary(OrdinaryShim),
			TOML: "ScrubLogs = true", Means: scrub},
		{Name: "absolute-path", Type: binary(SpecialShim), TOML: "ScrubLogs = true", Means: scrub},
		{Name: "lcow-no-table", Type: lcowType, NoTable: true, Means: `{}`},
		{Name: "lcow-empty-table", Type: lcowType, Means: `{}`},
		{Name: "lcow-scrub", Type: lcowType, TOML: "ScrubLogs = true", Means: scrub},
		{Name: "lcow-every-go-name", Type: lcowType, Means: everyFieldSet, TOML: everySetting(goName)},
		{Name: "lcow-config-path", Type: lcowType, TOML: `ConfigPath = 'C:\shim.toml'`, Means: `{}`},
		{Name: "lcow-config-path-beside", Type: lcowType, Means: isolated,
			TOML: `ConfigPath = 'C:\shim.toml'` + "\nSandboxIsolation = 1"},
		{Name: "windows-process", Windows: "runhcs-wcow-process", NoTable: true, Means: scrub},
		{Name: "windows-hypervisor", Windows: "runhcs-wcow-hypervisor", NoTable: true, Means: windows},
		{Name: "windows-hypervisor-empty-table", Windows: "runhcs-wcow-hypervisor", Means: windows},
		{Name: "windows-hypervisor-memory", Windows: "runhcs-wcow-hypervisor", TOML: "VmMemorySizeInMb = 2048",
			Means: strings.TrimSuffix(windows, "}") + `,"vmMemorySizeInMb":2048}`},
	}
	for i := range all {
		s := &all[i]
		switch s.Type {
		case "":
			s.Type = runHCSType
		case lcowType:
			s.Shim = OrdinaryShim
		}
		if s.Shim == "" {
			s.Shim = SpecialShim
		}
	}
	return all
}
