package matrix

import (
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
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
