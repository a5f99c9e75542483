package verify

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"shimfuzz/internal/interop/optionstype"
	"shimfuzz/internal/interop/process"
	"shimfuzz/internal/interop/protocol"
)

// The test binary is also the reader, if the environment says so.
func TestMain(m *testing.M) {
	switch os.Getenv("BE_A_READER") {
	case "":
		os.Exit(m.Run())
	case "silent":
		_, _ = io.Copy(io.Discard, os.Stdin)
	default:
		protocol.Main(func(payload []byte) protocol.Answer { return protocol.Answer{Outcome: string(payload)} })
	}
}

// An answer that ends the run does so in the middle of many payloads, too.
func TestAnswersThatEndTheRun(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		behavior string
		limit    time.Duration
		payloads string
		outcomes string // before the end of the run
		err      string
	}{
		{"as asked", 5 * time.Minute, "none options error/malformed none", "none options error/malformed none", ""},
		{"as asked", 5 * time.Minute, "none unable none", "none", "the reader cannot be run here"},
		{"as asked", 5 * time.Minute, "none options nonsense none", "none options", `"nonsense" is not an outcome`},
		{"silent", 20 * time.Millisecond, "1 2 3 4 5 6 7", "hang hang hang hang", "has hung 5 times in a row"},
	} {
		t.Run(test.payloads, func(t *testing.T) {
			t.Setenv("BE_A_READER", test.behavior)
			r := &process.Reader{Command: []string{self}, Limit: test.limit}
			defer r.Close()
			var payloads [][]byte
			for p := range strings.FieldsSeq(test.payloads) {
				payloads = append(payloads, []byte(p))
			}
			outcomes, err := (&answers{options: optionstype.RunHCS}).askAll(r, payloads)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%v, want %q", err, test.err)
			}
			var got []string
			for _, o := range outcomes {
				if o.Kind != "" {
					got = append(got, string(o.Kind))
				}
			}
			if strings.Join(got, " ") != test.outcomes {
				t.Errorf("outcomes %q, want %q", got, test.outcomes)
			}
		})
	}
}

// Only hangs in a row end the run, be they asked together or one after another.
func TestHangsInARow(t *testing.T) {
	as := new(answers)
	for i := range 3 * maxHangs {
		a := protocol.Answer{Outcome: process.Hang}
		if i%maxHangs == maxHangs-1 {
			a.Outcome = protocol.None
		}
		if out, err := as.outcome(a); err != nil || string(out.Kind) != a.Outcome {
			t.Errorf("answer %d, %s: %v, %v", i, a.Outcome, out, err)
		}
	}
}
