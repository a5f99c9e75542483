package verify

import (
	"strings"
	"testing"
)

// What is not reached in full is named, and so is a profile of something else.
func TestMissing(t *testing.T) {
	const whole = "shimfuzz/extracted/readoptions.go:95:\treadOptions\t100.0%\n" +
		"github.com/x/bootstrap/v1/helpers.go:20:\tAddExtension\t0.0%\ntotal:\t(statements)\t51.0%\n"
	for _, tc := range []struct {
		functions, want string
		ok              bool
	}{
		{whole, "coverage: 1 functions", true},
		{whole + "shimfuzz/extracted/create.go:9:\tnewTask\t92.3%\n",
			"NOT REACHED  92.3% of newTask at shimfuzz/extracted/create.go:9:", false},
		{whole + "github.com/x/helpers.go:9:\tFindExtension\t50.0%\n", "NOT REACHED  50.0% of FindExtension", false},
		{"other/x.go:1:\tf\t100.0%\n", "nothing of the code under test", false},
	} {
		if text, ok := missing(tc.functions); ok != tc.ok || !strings.Contains(text, tc.want) {
			t.Errorf("%q: %q, %v; want %q", tc.functions, text, ok, tc.want)
		}
	}
}
