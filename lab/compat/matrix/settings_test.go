package matrix

import (
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
)

// What an operator sees is measured by what the setting means, not by what was sent.
func TestSees(t *testing.T) {
	answer := func(o *options.Options) contract.Outcome {
		return contract.Outcome{Kind: contract.Options, Options: o}
	}
	none, failed := contract.Outcome{Kind: contract.None}, contract.Outcome{Kind: contract.Error}
	isolated := &options.Options{SandboxIsolation: options.Options_HYPERVISOR}
	for _, test := range []struct {
		what   string
		reader readers.Reader
		means  string
		got    contract.Outcome
		want   Effect
	}{
		{"arrives", runhcs, `{"sandboxIsolation":"HYPERVISOR"}`, answer(isolated), Arrive},
		{"dropped by containerd", runhcs, `{"sandboxIsolation":"HYPERVISOR"}`, answer(new(options.Options)), Defaults},
		{"dropped by the shim", runhcs, `{"sandboxIsolation":"HYPERVISOR"}`, none, Defaults},
		{"partly", runhcs, `{"debug":true,"sandboxIsolation":"HYPERVISOR"}`, answer(isolated), Partly},
		{"fails", runhcs, `{"debug":true}`, failed, Fails},
		{"nothing is meant", runhcs, `{}`, none, Arrive},
		{"nothing is meant and sent", runhcs, `{}`, answer(new(options.Options)), Arrive},
		{"false is lost", runhcs, `{"scrubLogs":false}`, answer(new(options.Options)), Defaults},
		{"false is unset", old, `{"scrubLogs":false}`, answer(new(options.Options)), Arrive},
		{"a mistake", runhcs, "", answer(isolated), Accepted},
		{"a mistake that the shim reports", runhcs, "", failed, Refused},
	} {
		got := sees(test.reader, recorded.Setting{Name: test.what, Means: test.means}, test.got)
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
}

// The table has each setting, with the effect on the newest shim and on those that differ.
func TestSettingsTable(t *testing.T) {
	_, sent := load(t, true)
	var rows []Row
	for _, version := range []string{"v0.14.1", "v0.15.0"} {
		rows = append(rows, rowOf(t, readers.Reader{Name: findings.RunHCS, Version: version}, byTheContract, sent))
	}
	table := settingsTable(sent, rows)
	for _, want := range []string{
		"| `sandbox_isolation = 1`<br>`SandboxIsolaton = 1` | DEFAULTS |\n",
		"| `io.containerd.runhcs.v1` | `SandboxIsolation = 7`<br>`VmMemorySizeInMb = -1` | ACCEPTED |\n",
		"<br>`ScrubLogs = 1`<br>`VmMemorySizeInMb = \"2048\"`<br>",
		"| `ScrubLogs = false` | v1.7.35 to v2.3.7: DEFAULTS; arrive v0.14.1<br>v2.4.2: arrive |\n",
		"| `io.containerd.lcow.v2` | no table<br>empty table<br>`ScrubLogs = true`<br>",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in:\n%s", want, table)
		}
	}
	for _, s := range recorded.Settings() {
		if !strings.Contains(table, written(s)) {
			t.Errorf("there is no %s", written(s))
		}
	}
	if _, err := allSent(nil); err == nil {
		t.Error("a payload without a case is not an error")
	}
}
