package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shimfuzz/lab/conformance/protocol"
)

// The test binary is also the reader, if the environment says so.
func TestMain(m *testing.M) {
	switch os.Getenv("BE_A_READER") {
	case "":
		os.Exit(m.Run())
	case "deaf":
		deaf()
	case "ahead":
		readAhead(func(payloads [][]byte) bool {
			return slices.ContainsFunc(payloads, func(p []byte) bool { return string(p) == "die" })
		})
	case "lonely":
		readAhead(func(payloads [][]byte) bool { return len(payloads) > 1 })
	default:
		protocol.Main(answer)
	}
}

// answer behaves as the payload says.
func answer(payload []byte) protocol.Answer {
	switch what := string(payload); {
	case what == "die":
		fmt.Fprintln(os.Stderr, "last output")
		os.Exit(3)
	case what == "hang":
		time.Sleep(time.Hour)
	case what == "slow":
		time.Sleep(100 * time.Millisecond) // so long that Serve writes the answer at once
	case what == "panic":
		panic("on purpose")
	case what == "babble":
		fmt.Println("this is not a frame")
	case what == "twice":
		_ = protocol.WriteFrame(os.Stdout, []byte("none\n"))
	case what == "number":
		fmt.Println("2026-11-24 begins with a digit")
	case what == "child":
		child := exec.Command("sleep", "3600")
		if err := child.Start(); err != nil {
			return protocol.Failed(err)
		}
		return protocol.Answer{Outcome: protocol.Options, Detail: fmt.Append(nil, child.Process.Pid)}
	case what == "fail":
		return protocol.Failed(fmt.Errorf("no use"))
	}
	return protocol.Answer{Outcome: protocol.Options, Detail: payload}
}

// patience is for what must happen, however busy the machine is.
const patience = 5 * time.Minute

func reader(t testing.TB) *Reader {
	t.Helper()
	return readerOf(t, "payloads")
}

// readerOf returns a reader that behaves as its payloads say, or in a way of its own.
func readerOf(t testing.TB, behavior string) *Reader {
	t.Helper()
	t.Setenv("BE_A_READER", behavior)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{Command: []string{self}, Limit: patience}
	t.Cleanup(r.Close)
	return r
}

// Whatever a reader does is an answer, and the next payload gets an answer of its own.
func TestAsk(t *testing.T) {
	r := reader(t)
	large := strings.Repeat("x", 3<<20)
	for _, test := range []struct{ payload, outcome, detail string }{
		{"", "options", ""},
		{"a\nb", "options", "a\nb"},
		{"panic", "panic", "on purpose"},
		{"fail", "error", "no use"},
		{"die", "panic", "last output"},
		{"after", "options", "after"},
		{"hang", "hang", "no answer within 100ms"},
		{large, "options", large},
	} {
		r.Limit = patience
		if test.outcome == Hang {
			r.Limit = 100 * time.Millisecond
		}
		a, err := r.Ask([]byte(test.payload))
		if err != nil {
			t.Fatalf("%.20q: %v", test.payload, err)
		}
		if a.Outcome != test.outcome || !bytes.Contains(a.Detail, []byte(test.detail)) {
			t.Errorf("%.20q: %s %.100q, want %s %.100q", test.payload, a.Outcome, a.Detail, test.outcome, test.detail)
		}
	}
}

// A program that is not a reader is an error, not an answer.
func TestNoReader(t *testing.T) {
	r := reader(t)
	for _, what := range []string{"babble", "number"} {
		if a, err := r.Ask([]byte(what)); err == nil {
			t.Errorf("text instead of a frame: answered %v", a)
		}
	}
	missing := &Reader{Command: []string{"/no/such/reader"}, Limit: patience}
	if a, err := missing.Ask(nil); err == nil {
		t.Errorf("no program: answered %v", a)
	}
	if _, err := exec.LookPath("true"); err == nil {
		silent := &Reader{Command: []string{"true"}, Limit: patience}
		if a, err := silent.Ask([]byte("x")); err != nil || a.Outcome != protocol.Panic {
			t.Errorf("a program that ends at once: %v, %v", a, err)
		}
	}
}

// A second answer to one payload is an error, not mistaken for the answer to the next.
func TestOutOfStep(t *testing.T) {
	r := reader(t)
	_, err := r.Ask([]byte("twice")) // fails if both answers come at the same time
	eventually(t, "the answer too many is told", func() bool {
		if err == nil {
			_, err = r.Ask([]byte("next"))
		}
		return err != nil
	})
	if !errors.Is(err, errNotAsked) {
		t.Error(err)
	}
}

// eventually waits for what must happen.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for start := time.Now(); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// The processes that a reader has started end with it.
func TestNothingIsLeft(t *testing.T) {
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip("NOT RUN: there is no sleep here")
	}
	r := reader(t)
	a, err := r.Ask([]byte("child"))
	if err != nil || a.Outcome != protocol.Options {
		t.Fatal(a, err)
	}
	r.Close()
	pid, err := strconv.Atoi(string(a.Detail))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, fmt.Sprintf("process %d ends", pid), func() bool {
		state := processState(pid)
		return state == "" || state == "Z" // ended, whether or not its parent has waited for it
	})
}

// processState returns the letter for the state of a process, as ps prints it, "" if there is none.
func processState(pid int) string {
	out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return string(bytes.TrimSpace(out)[:min(1, len(bytes.TrimSpace(out)))])
}
