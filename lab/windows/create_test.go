package windows

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// Create of runhcs-v1 does what the contract says (C1 to C4), and logs the options that it
// was given, field by field: on every case of the corpus, read as the bare Any that
// CreateTaskRequest.Options is, on what only a bare Any can be, and on an Any of each linked
// type: a part of them, depending on SEED, or all from CHECKS=1000 on.
func TestCreate(t *testing.T) {
	t.Parallel()
	rows := slices.Clone(bareAnys)
	for _, c := range different() {
		c.Payload.Bytes = append([]byte{}, c.Payload.Bytes...) // nil would be no Any
		rows = append(rows, payload{c.Name, c.Payload})
	}
	names := grammar.RegisteredNames()
	n := min(len(names), len(names)*set.Checks/allChecks+1)
	for _, i := range rand.New(rand.NewSource(int64(set.Seed))).Perm(len(names))[:n] {
		rows = append(rows, anyPayload(names[i], wire.String(1, names[i])))
	}
	counts := make(map[Kind]int)
	for i, got := range runhcs.create(t, rows...) {
		counts[got.Kind]++
		t.Run(rows[i].name, func(t *testing.T) { runhcs.judge(t, create, rows[i], got) })
	}
	say("Create with the corpus, and %d of %d linked types: %d requests, %d accepted, %d refused, %d ended the shim", n,
		len(names), len(rows), counts[Accepted], counts[Refused], counts[Panicked])
	if !runhcs.shows {
		say("NOT RUN: the fields of the options of Create, because this hcsshim does not log them")
	}
}

// create calls Create of the shim once for each payload, and returns what the shim did. A
// shim serves as many requests as it survives.
func (s *shim) create(t testing.TB, rows ...payload) (all []Behavior) {
	t.Helper()
	order := Order{Shim: s.file, Namespace: namespace, ID: containerID(),
		Args: []string{"-namespace", namespace, "-address", "a", "-publish-binary", "b", "start"}}
	for _, p := range rows {
		order.Options = append(order.Options, p.Bytes)
	}
	if s.shows {
		order.Log = "log.txt"
		order.Stdin = grammar.PlainAny(contract.OptionsName, wire.Message{wire.Varint(1, 1)}.Encode()) // debug
	}
	out, log := s.client(t, order)
	for line := range strings.Lines(out) {
		var r Reply
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			break // the call that hung
		}
		b := readCreate(r)
		if before, after, marked := strings.Cut(log, r.Mark); marked {
			b.Read, log = loggedOptions(before), after
		}
		all = append(all, b)
	}
	for len(all) < len(rows) {
		all = append(all, Behavior{Kind: Hung}) // the first of them did, the others were not made
	}
	return all
}

// client runs the client, and returns what it prints, and the log of the shim. A run in
// which Wine has failed to make a process, which is an error of its CreateProcess, is
// repeated once.
func (s *shim) client(t testing.TB, order Order) (out, log string) {
	t.Helper()
	in, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	client, limit := filepath.Join(set.Shims, Client), time.Minute+time.Duration(len(order.Options))*time.Second
	dir := t.TempDir()
	r := exec(t, client, limit, dir, in)
	if runtime.GOOS != "windows" && strings.HasSuffix(strings.TrimSpace(r.Stderr), ": Internal error.") {
		say("%s: a run of the client failed to start a shim, and is repeated", t.Name())
		dir = t.TempDir()
		r = exec(t, client, limit, dir, in)
	}
	if r.Exit != 0 && !r.TimedOut {
		t.Fatalf("the client failed: exit code %d, %s", r.Exit, r.Stderr)
	}
	text, _ := os.ReadFile(filepath.Join(dir, order.Log)) // there is none if start hangs
	return r.Stdout, string(text)
}

// noContainer is in the error of a Create that has accepted the options: it opens
// this file of the bundle next, and the client gives it a bundle that does not exist.
const noContainer = `\missing\config.json: `

// readCreate returns what a reply shows of Create. A shim that was left running must still
// answer.
func readCreate(r Reply) Behavior {
	unrecognized := func(format string, args ...any) Behavior {
		return Behavior{Kind: Unrecognized, Text: fmt.Sprintf(format, args...)}
	}
	switch {
	case r.Closed:
		if text, ok := panicValue(r.PanicLog); ok && r.Exit == 2 && !r.Alive {
			return Behavior{Kind: Panicked, Text: text}
		}
		return unrecognized("connection closed, exit code %d: %s", r.Exit, short(r.PanicLog))
	case !r.Alive:
		return unrecognized("answered %q, and did not answer Connect after that", r.Err)
	case strings.Contains(r.Err, noContainer):
		return Behavior{Kind: Accepted}
	case r.Err == "":
		return unrecognized("created a container")
	}
	return Behavior{Kind: Refused, Text: firstLine(r.Err)}
}

// logged stands in the log before the options that Create has decoded (service_internal.go).
const logged = "parsed runhcs runtime options"

// loggedOptions returns the options in the log of one Create, which has them as JSON.
func loggedOptions(log string) contract.Outcome {
	_, text, found := strings.Cut(log, `msg="`+logged+`" options=`)
	if !found {
		return grammar.Sent(nil)
	}
	opts := new(options.Options)
	text, err := unquotePrefix(text)
	if err := errors.Join(err, protojson.Unmarshal([]byte(text), opts)); err != nil {
		return contract.Outcome{Kind: contract.Error, Err: fmt.Errorf("logged %s: %w", strconv.Quote(text), err)}
	}
	return grammar.Sent(opts)
}
