package windows

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/settings"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/compat/findings"
)

// difference is a shim that did not do what it must.
type difference struct {
	shim        installed
	command     string            // serve or start
	verdict     verdict.Kind      // "" is verdict.Wrong
	finding     *findings.Finding // nil if none is known
	want, got   string
	payload     []byte
	description string
	advice      string
}

// fail reports the difference and fails t.
func (d difference) fail(t testing.TB) {
	t.Helper()
	r := d.report(replay(t, d.payload))
	verify.Record(t.Name(), r)
	t.Error(r.String())
}

func (d difference) report(replay string) verdict.Report {
	r := verdict.Report{
		Verdict: verdict.Wrong,
		Finding: d.finding,
		Program: fmt.Sprintf("%s %s of hcsshim %s", d.shim.Name, d.command, hcsshim.Current().Source),
		Want:    d.want, Got: d.got, Advice: d.advice, Replay: replay,
		Payload: grammar.Payload{Bytes: d.payload, Description: d.description},
	}
	if d.verdict != "" {
		r.Verdict = d.verdict
	}
	if d.finding != nil {
		r.Guarantee = d.finding.Breaks
	} else {
		r.Guarantee = contract.GuaranteeOf(reference.Answer(d.payload).Kind)
		r.Group = r.Guarantee.Name + ": " + r.Program
	}
	return r
}

// replay saves the payload and returns the commands that show the failure again.
func replay(t testing.TB, payload []byte) string {
	file, err := verify.Save(t.Name(), payload)
	if err != nil {
		return fmt.Sprintf("the payload could not be saved: %v", err)
	}
	s := verify.Settings()
	return "make -C lab e2e " + s.CaseArguments(file) + "   what the real shims do\n" +
		"make repro " + s.CaseArguments(file) + "   what the payload is, and what readOptions answers"
}

// progress counts the payloads of tests, and prints how many are done, at most every
// progressInterval.
type progress struct {
	mu          sync.Mutex
	total, done int
	last        time.Time
}

// payloads are those of all tests, which run side by side.
var payloads progress

const progressInterval = 10 * time.Second

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total += n
}

func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if time.Since(p.last) > progressInterval {
		p.last = time.Now()
		say("%d of %d payloads", p.done, p.total)
	}
}

// say prints lines that make -C lab e2e shows even if the test passes.
func say(format string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		fmt.Println(settings.Say + line)
	}
}
