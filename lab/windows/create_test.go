package windows

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/windows/calls"
	"shimfuzz/lab/windows/wine"
)

// Create of runhcs-v1 on every case of the corpus, read as the bare Any that
// CreateTaskRequest.Options is, and on what only a bare Any can be.
func TestCreate(t *testing.T) {
	t.Parallel()
	s := shims(t)[0]
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	rows := slices.Clone(bareAnys)
	for _, c := range different(cases) {
		rows = append(rows, bareAny{c.Name, &c.Payload.Bytes})
	}
	s.checkCreate(t, "the corpus", rows)
}

// bareAny is a value of CreateTaskRequest.Options, or of the standard input of -info.
type bareAny struct {
	name  string
	bytes *[]byte // nil is no Any
}

var bareAnys = []bareAny{
	{"no Any", nil},
	{"an Any without a type", wireBytes()},
	{"a value without a type", wireBytes(wire.String(2, "x"))},
	{"a type that is not linked", wireBytes(wire.String(1, "containerd.runc.v1.Options"))},
	{"a type that does not exist", wireBytes(wire.String(1, "no.such.Type"), wire.String(2, "x"))},
	{"a linked type", wireBytes(wire.String(1, "google.protobuf.Timestamp"))},
	{"a linked type with a damaged value", wireBytes(wire.String(1, "google.protobuf.Timestamp"),
		wire.String(2, "\x08"))},
	{"a type for JSON", wireBytes(wire.String(1, "types.containerd.io/opencontainers/runtime-spec/1/Spec"),
		wire.String(2, "{}"))},
	{"Options", wireBytes(wire.String(1, contract.OptionsName))},
	{"Options with a prefix", wireBytes(wire.String(1, "type.googleapis.com/"+contract.OptionsName),
		wire.Sub(2, wire.Varint(1, 1)))},
	{"Options with a damaged value", wireBytes(wire.String(1, contract.OptionsName), wire.String(2, "\x08"))},
	{"Options whose value reads as a namespace", wireBytes(wire.String(1, contract.OptionsName),
		wire.String(2, "inference"))},
}

func wireBytes(m ...wire.Part) *[]byte {
	b := wire.Message(m).Encode()
	return &b
}

// checkCreate fails t unless Create does what it must with each row, and the shim
// goes on after each that it refuses (docs/contract.md, C1 to C4).
func (s installed) checkCreate(t *testing.T, what string, rows []bareAny) {
	t.Helper()
	var all []*[]byte
	for _, row := range rows {
		all = append(all, row.bytes)
	}
	counts := make(map[BehaviorKind]int)
	for i, got := range s.create(t, all...) {
		counts[got.Kind]++
		t.Run(rows[i].name, func(t *testing.T) {
			if e := s.expectCreate(all[i]); !e.metCreate(got) {
				s.differs(t, "create", rows[i].name, bytesOf(all[i]), e, got)
			}
		})
	}
	say("Create with %s: %d requests, %d accepted, %d refused, %d ended the shim", what, len(rows), counts[Accepted],
		counts[Refused], counts[Panicked])
}

func bytesOf(b *[]byte) []byte {
	if b == nil {
		return nil
	}
	return *b
}

// Create with an Any of each linked type: a part of them, depending on the seed, or
// all if CHECKS is at least allTypes.
func TestCreateTypes(t *testing.T) {
	t.Parallel()
	s, e := shims(t)[0], e2eSettings(t)
	names := grammar.RegisteredNames()
	n := min(len(names), len(names)*e.Checks/allTypes+1)
	var rows []bareAny
	for _, i := range rand.New(rand.NewSource(int64(e.Seed))).Perm(len(names))[:n] {
		rows = append(rows, bareAny{names[i], wireBytes(wire.String(1, names[i]))})
	}
	s.checkCreate(t, fmt.Sprintf("%d of %d linked types", n, len(names)), rows)
}

const allTypes = 1000

// create calls Create of the shim once for each of the options, nil for a request
// without any, and returns what the shim did. A shim serves as many requests as it
// survives.
func (s installed) create(t testing.TB, options ...*[]byte) []Behavior {
	t.Helper()
	all := readCreates(s.replies(t, calls.Setup{}, options))
	for len(all) < len(options) {
		all = append(all, Behavior{Kind: Hung}) // the first of them did, the others were not made
	}
	return all
}

func readCreates(replies []calls.Reply) (all []Behavior) {
	var shim calls.Answer
	for _, r := range replies {
		if r.Start != nil {
			shim = r.Start.Connect
		}
		all = append(all, ReadCreate(shim, r))
	}
	return all
}

// replies runs the client. There are fewer replies than options if a call hangs.
func (s installed) replies(t testing.TB, setup calls.Setup, options []*[]byte) []calls.Reply {
	t.Helper()
	setup.Shim, setup.Namespace, setup.ID = s.file, namespace, containerID()
	setup.Args = []string{"--namespace", namespace, "--address", "a", "--publish-binary", "b", "start"}
	var in bytes.Buffer
	requests := json.NewEncoder(&in)
	if err := requests.Encode(setup); err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		if err := requests.Encode(calls.Request{Options: o}); err != nil {
			t.Fatal(err)
		}
	}
	r := s.client(t, in.Bytes(), len(options))
	if s.noProcess(t, r) {
		r = s.client(t, in.Bytes(), len(options))
	}
	if r.Stderr != "" || r.Exit != 0 && !r.TimedOut {
		t.Fatalf("the client failed: exit code %d, %s", r.Exit, r.Stderr)
	}
	var all []calls.Reply
	for line := range strings.Lines(r.Stdout) {
		var reply calls.Reply
		if err := json.Unmarshal([]byte(line), &reply); err != nil {
			break // the call that hung
		}
		all = append(all, reply)
	}
	return all
}

func (s installed) client(t testing.TB, in []byte, requests int) wine.Result {
	t.Helper()
	program := filepath.Join(filepath.Dir(s.file), calls.Client)
	r, err := s.host.Run(context.Background(), wine.Command{Program: program, Dir: t.TempDir(), Stdin: in,
		Limit: limit + time.Duration(requests)*time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// noProcess reports whether a run of the client is to be repeated once because Wine
// has failed to make a process, which is an error of its CreateProcess.
func (s installed) noProcess(t testing.TB, r wine.Result) bool {
	t.Helper()
	lost := runtime.GOOS != "windows" && strings.HasSuffix(strings.TrimSpace(r.Stderr), ": Internal error.")
	if lost {
		say("%s: a run of the client failed to start a shim, and is repeated", t.Name())
	}
	return lost
}

// noContainer is in the error of a Create that has accepted the options: it opens
// this file of the bundle next, and the client gives it a bundle that does not exist.
const noContainer = `\missing\config.json: `

// ReadCreate returns what a reply shows of Create. shim is the answer of Connect
// before it. A shim that was left running must still answer.
func ReadCreate(shim calls.Answer, r calls.Reply) Behavior {
	switch text := plainSpaces(r.Create.Err); {
	case shim.Err != "":
		return Behavior{Kind: Unrecognized, Text: "start gave no shim that answers: " + shim.Err}
	case r.Create.Closed:
		if text, ok := lineAfter(r.PanicLog, "panic: "); ok && r.Exit == 2 && r.Again.Err != "" {
			return Behavior{Kind: Panicked, Text: strings.TrimSuffix(text, " [recovered, repanicked]")}
		}
		return Behavior{Kind: Unrecognized, Text: "connection closed, exit code " + strconv.Itoa(r.Exit) + ": " +
			short(r.PanicLog)}
	case r.Again != shim:
		return Behavior{Kind: Unrecognized, Text: "answered " + strconv.Quote(text) + ", and then Connect with " +
			strconv.Quote(r.Again.Err)}
	case strings.Contains(text, noContainer):
		return Behavior{Kind: Accepted}
	case text == "":
		return Behavior{Kind: Unrecognized, Text: "created a container"}
	default:
		return Behavior{Kind: Refused, Text: firstOf(text)}
	}
}

func firstOf(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
