package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shimfuzz/internal/e2e/calls"
	"shimfuzz/internal/e2e/wine"
)

// create calls Create of the shim once for each of the options, nil for a request
// without any, and returns what the shim did. A shim serves as many requests as it
// survives.
func (s installed) create(t testing.TB, options ...*[]byte) []Behavior {
	t.Helper()
	var all []Behavior
	var shim calls.Answer
	for _, r := range s.replies(t, calls.Setup{}, options) {
		if r.Start != nil {
			shim = r.Start.Connect
		}
		all = append(all, ReadCreate(shim, r))
	}
	for len(all) < len(options) {
		all = append(all, Behavior{Kind: Hung}) // the first of them did, the others were not made
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
	client := filepath.Join(filepath.Dir(s.file), calls.Client)
	r, err := s.host.Run(context.Background(), wine.Command{Program: client, Dir: t.TempDir(), Stdin: in.Bytes(), Limit: limit + time.Duration(len(options))*time.Second})
	if err != nil {
		t.Fatal(err)
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
		return Behavior{Kind: Unrecognized, Text: "connection closed, exit code " + strconv.Itoa(r.Exit) + ": " + short(r.PanicLog)}
	case r.Again != shim:
		return Behavior{Kind: Unrecognized, Text: "answered " + strconv.Quote(text) + ", and then Connect with " + strconv.Quote(r.Again.Err)}
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
