package windows

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// serve of each shim does what its decoder answers: on the cases of the corpus, unchanged
// and with a marker in their options.
func TestCorpus(t *testing.T) {
	t.Parallel()
	rows := chosen(set.Checks)
	say("%d cases of the corpus, %d of them with the same bytes as another; %d of the others are run", len(cases),
		len(cases)-len(different()), len(rows))
	each(t, shims, serve.marked(), rows)
}

// serve of each shim does what its decoder answers: on payloads that depend on SEED.
func TestGenerated(t *testing.T) {
	t.Parallel()
	var rows []payload
	for i := range set.Checks {
		p := generate(set.Seed, i)
		p.Description = fmt.Sprintf("SEED=%d, number %d: %s", set.Seed, i, p.Description)
		rows = append(rows, payload{strconv.Itoa(i), p})
	}
	each(t, shims, serve.marked(), rows)
}

// Every message type that is linked into this test is linked into runhcs-v1, and an Any of
// it has the same effect on serve; so has one of a type that is linked into runhcs-v1 alone.
// typeurl looks types up by their names, so the linked types are a part of the input.
func TestRegistry(t *testing.T) {
	t.Parallel()
	var rows []payload
	for _, name := range grammar.RegisteredNames() {
		rows = append(rows, anyPayload(name, wire.String(1, name)))
	}
	for _, name := range onlyLinkedThere {
		rows = append(rows, anyPayload(name, wire.String(1, name), wire.String(2, "{}")))
	}
	each(t, []*shim{runhcs}, serve, rows)
}

// The serve that start of runhcs-v1 starts does what one does that is started directly, and
// start prints the address of the pipe on which it serves.
func TestStart(t *testing.T) {
	t.Parallel()
	each(t, []*shim{runhcs}, start.marked(), some(chosen(0)))
}

// start of lcow-v2 prints where it serves, for payloads that its serve accepts. It hangs
// for others, which is a finding.
func TestStartLCOW(t *testing.T) {
	t.Parallel()
	if lcow.file == "" || runtime.GOOS == "windows" {
		say("NOT RUN: start of lcow-v2, because there is none that reads BootstrapParams, or nothing that would end " +
			"what it starts")
		return
	}
	for _, name := range []string{"legacy_no_stdin", "bootstrap_options"} { // few: each leaves a process running
		lcow.check(t, start, byName(t, name))
	}
}

// -info of lcow-v2, which reads a bare Any, prints the options that were sent, or refuses
// them, as the contract says (C1 to C3).
func TestInfo(t *testing.T) {
	t.Parallel()
	if lcow.file == "" {
		say("NOT RUN: -info of lcow-v2, because this hcsshim has none that reads BootstrapParams")
		return
	}
	all := chosen(allChecks)
	named := slices.DeleteFunc(slices.Clone(all), func(p payload) bool { return !strings.Contains(p.name, "_info_") })
	each(t, []*shim{lcow}, info, slices.Concat(bareAnys, some(all), named))
}

// delete of each shim does not read its standard input: it does the same whatever that is.
func TestDelete(t *testing.T) {
	t.Parallel()
	each(t, shims, remove, bareAnys)
}

// runhcs-v1 has no -info, and says so.
func TestNoInfo(t *testing.T) {
	t.Parallel()
	each(t, []*shim{runhcs}, info, bareAnys)
}

// byName returns a case of the corpus.
func byName(t testing.TB, name string) payload {
	t.Helper()
	i := slices.IndexFunc(cases, func(c corpus.Case) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("the case %q is not in the corpus", name)
	}
	return payload{name, cases[i].Payload}
}
