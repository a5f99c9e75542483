package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/lab/conformance/protocol"
)

// The test binary is also the reader, if the environment says so.
func TestMain(m *testing.M) {
	switch os.Getenv("BE_A_READER") {
	case "":
		os.Exit(m.Run())
	case "deaf": // answers a question without reading it to its end
		_, _ = io.ReadFull(os.Stdin, make([]byte, 1))
		_ = protocol.WriteFrame(os.Stdout, []byte("none\n"))
		time.Sleep(time.Hour)
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
	switch what := string(payload); what {
	case "die":
		fmt.Fprintln(os.Stderr, "last output")
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	case "slow":
		time.Sleep(100 * time.Millisecond) // so long that Serve writes the answer at once
	case "panic":
		panic("on purpose")
	case "babble":
		fmt.Println("this is not a frame")
	case "number":
		fmt.Println("2026-11-24 begins with a digit")
	case "twice":
		_ = protocol.WriteFrame(os.Stdout, []byte("none\n"))
	case "child":
		child := exec.Command("sleep", "3600")
		if err := child.Start(); err != nil {
			return protocol.Failed(err)
		}
		return protocol.Answer{Outcome: protocol.Options, Detail: fmt.Append(nil, child.Process.Pid)}
	case "fail":
		return protocol.Failed(fmt.Errorf("no use"))
	}
	return protocol.Answer{Outcome: protocol.Options, Detail: payload}
}

// readAhead is a reader that reads all that is there before it answers, and ends
// without an answer if fatal says so.
func readAhead(fatal func(payloads [][]byte) bool) {
	r := bufio.NewReader(os.Stdin)
	for {
		var payloads [][]byte
		for len(payloads) == 0 || r.Buffered() > 0 {
			payload, err := protocol.ReadFrame(r)
			if err != nil {
				return
			}
			payloads = append(payloads, payload)
		}
		if fatal(payloads) {
			os.Exit(3)
		}
		for _, payload := range payloads {
			_ = protocol.WriteFrame(os.Stdout, append([]byte("options\n"), payload...))
		}
	}
}

// patience is for what must happen, however busy the machine is.
const patience = 5 * time.Minute

// readerOf returns a reader that behaves as its payloads say, or in a way of its own.
func readerOf(t *testing.T, behavior string) *Reader {
	t.Helper()
	t.Setenv("BE_A_READER", behavior)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{Command: []string{self}, Limit: patience}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func bytesOf(payloads ...string) (all [][]byte) {
	for _, p := range payloads {
		all = append(all, []byte(p))
	}
	return all
}

// askAll asks payloads and returns the answers, with the ends of their details.
func askAll(r *Reader, payloads ...string) ([]string, error) {
	var got []string
	err := r.AskAll(bytesOf(payloads...), func(i int, a protocol.Answer) error {
		if i != len(got) {
			return fmt.Errorf("answer %d after %d answers", i, len(got))
		}
		got = append(got, a.Outcome+" "+strings.ReplaceAll(strings.TrimSpace(string(a.Detail)), "\n", "; "))
		return nil
	})
	return got, err
}

// Every payload gets the answer that it gets alone, whatever the reader does with the
// ones before and behind it.
func TestAskAll(t *testing.T) {
	const died = "panic the process ended (exit status 3); last output"
	for _, test := range []struct {
		name, behavior string
		payloads, want []string
	}{
		{"none", "payloads", nil, nil},
		{"in order", "payloads", []string{"a", "", "panic", "fail", "b\nc"}, []string{"options a", "options ",
			"panic on purpose", "error no use", "options b; c"}},
		{"a crash in the middle", "payloads", []string{"a", "b", "die", "c", "d"},
			[]string{"options a", "options b", died, "options c", "options d"}},
		{"crashes in a row", "payloads", []string{"die", "die", "a", "die"}, []string{died, died, "options a", died}},
		{"a crash after answers that arrived", "payloads", []string{"a", "slow", "die"},
			[]string{"options a", "options slow", died}},
		{"a crash of a reader that reads ahead", "ahead", []string{"a", "b", "die", "c"},
			[]string{"options a", "options b", "panic the process ended (exit status 3)", "options c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readerOf(t, test.behavior)
			for range 2 { // the second time, the process is the one that the first has left
				got, err := askAll(r, test.payloads...)
				if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
					t.Errorf("%v; - want, + got\n%s", err, diff)
				}
			}
		})
	}
}

// The payload that a reader hangs on is a hang, also while the next ones fill the pipe.
func TestAskAllHangs(t *testing.T) {
	r := readerOf(t, "payloads")
	large := strings.Repeat("x", 1<<20)
	var got []string
	err := r.AskAll(bytesOf("a", "slow", "hang", large, "b"), func(_ int, a protocol.Answer) error {
		got = append(got, fmt.Sprintf("%s %.30s", a.Outcome, a.Detail))
		r.Limit = patience
		if string(a.Detail) == "slow" { // the next answer is that to hang, and nothing else can be late
			r.Limit = 100 * time.Millisecond
		}
		return nil
	})
	want := []string{"options a", "options slow", "hang no answer within 100ms", "options " + large[:30], "options b"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v; - want, + got\n%s", err, diff)
	}
}

// However much is on the way in both directions, nobody waits for the other.
func TestAskAllLarge(t *testing.T) {
	var payloads, want []string
	for i := range 2000 {
		p := fmt.Sprint(i, " ", strings.Repeat("x", i))
		if i%500 == 250 {
			p = fmt.Sprint(i, " ", strings.Repeat("x", 5<<20))
		}
		payloads, want = append(payloads, p), append(want, strings.TrimSpace("options "+p))
	}
	if got, err := askAll(readerOf(t, "payloads"), payloads...); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d answers, %v; want the %d payloads", len(got), err, len(want))
	}
}

// What is not of the protocol is an error, and the next payloads are asked of a
// process that has nothing left to say to the ones before.
func TestAskAllFails(t *testing.T) {
	for _, test := range []struct {
		name, behavior string
		payloads       []string
		want           string
	}{
		{"text", "payloads", []string{"a", "babble", "b"}, "not the length of a frame"},
		{"text that begins with a digit", "payloads", []string{"number"}, "not the length of a frame"},
		{"a program that needs to be asked one at a time", "lonely", []string{"a", "b", "c"},
			"it answers these payloads one at a time, but not together: the process ended (exit status 3)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readerOf(t, test.behavior)
			if got, err := askAll(r, test.payloads...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q, %v; want an error with %q", got, err, test.want)
			}
			if got, err := askAll(r, "x"); err != nil || got[0] != "options x" {
				t.Errorf("after that: %q, %v", got, err)
			}
		})
	}
	missing := &Reader{Command: []string{"/no/such/reader"}, Limit: patience}
	if got, err := askAll(missing, ""); err == nil || missing.Close() != nil {
		t.Errorf("no program: answered %v", got)
	}
}

// An answer too many is an error, at the latest when the reader is closed.
func TestOutOfStep(t *testing.T) {
	for _, payloads := range [][]string{{"twice"}, {"a", "twice", "b"}} {
		r := readerOf(t, "payloads")
		_, err := askAll(r, payloads...)
		if err = errors.Join(err, r.Close()); !errors.Is(err, errNotAsked) {
			t.Errorf("%q: %v", payloads, err)
		}
	}
}

// A reader that answers, and does not read what it has answered, is not waited for.
func TestDeaf(t *testing.T) {
	r := readerOf(t, "deaf")
	err := r.AskAll(bytesOf(strings.Repeat("x", 1<<20)), func(int, protocol.Answer) error {
		r.Limit = 100 * time.Millisecond
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "does not read") {
		t.Error(err)
	}
}

// An error or a panic of the function that takes the answers ends the asking, and the
// answers that remain are not taken for those to the next payloads.
func TestAskAllStops(t *testing.T) {
	r := readerOf(t, "payloads")
	three, enough, calls := bytesOf("a", "b", "c"), errors.New("enough"), 0
	err := r.AskAll(three, func(int, protocol.Answer) error {
		calls++
		return enough
	})
	if err != enough || calls != 1 {
		t.Errorf("%v, after %d answers; want %v after 1", err, calls, enough)
	}
	func() {
		defer func() { _ = recover() }()
		_ = r.AskAll(three, func(int, protocol.Answer) error { panic(enough) })
	}()
	if got, err := askAll(r, "x", "y"); err != nil || !slices.Equal(got, []string{"options x", "options y"}) {
		t.Errorf("after that: %q, %v", got, err)
	}
}

// The processes that a reader has started end with it.
func TestNothingIsLeft(t *testing.T) {
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip("NOT RUN: there is no sleep here")
	}
	r := readerOf(t, "payloads")
	a, err := r.Ask([]byte("child"))
	if err != nil || a.Outcome != protocol.Options {
		t.Fatal(a, err)
	}
	_ = r.Close()
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		out, _ := exec.Command("ps", "-o", "stat=", "-p", string(a.Detail)).Output()
		out = bytes.TrimSpace(out)
		if len(out) == 0 || out[0] == 'Z' { // ended, whether or not its parent has waited for it
			return
		}
		if time.Since(start) > patience {
			t.Fatalf("process %s does not end", a.Detail)
		}
	}
}

// Every outcome of the protocol is one of the contract, and nothing else is.
func TestOutcome(t *testing.T) {
	runhcs := grammar.OneOption().ProtoReflect().Type()
	value, err := proto.Marshal(grammar.OneOption())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ outcome, detail, want string }{
		{"none", "", "none"},
		{"options", "", "options, all at their defaults"},
		{"options", string(value), grammar.Sent(grammar.OneOption()).String()},
		{"options", "\x1a\x01\xff\x92\x01\x03\x0a\x01\xff",
			"options registry_root:\"\ufffd\" default_container_annotations:{key:\"\ufffd\" value:\"\"}"},
		{"options", "\x0a", "both: the options in the answer cannot be decoded"},
		{"error", "no", "error: no"},
		{"error/malformed", "no", "error/malformed: no"},
		{"error/foreign", "no", "error/foreign: no"},
		{"error/read", "no", "error/read: no"},
		{"panic", "index out of range\n\tat x.go", "panic: index out of range"},
		{"hang", "no answer", "hang: no answer"},
	} {
		got, err := Outcome(protocol.Answer{Outcome: test.outcome, Detail: []byte(test.detail)}, runhcs)
		if err != nil || got.String() != test.want {
			t.Errorf("%s %q: %v, %v; want %s", test.outcome, test.detail, got, err, test.want)
		}
	}
	got, err := Outcome(protocol.Answer{Outcome: "options", Detail: []byte("\x0a")}, nil)
	if err != nil || got.Kind != contract.Options || got.Options != nil {
		t.Errorf("options that are not decoded: %v, %v; want none of their fields", got, err)
	}
	for _, test := range []struct{ outcome, detail, want string }{
		{"none", "no", "bytes behind it"},
		{"error/other", "no", "is not an outcome"},
		{"both", "no", "is not an outcome"},
		{"", "", "is not an outcome"},
	} {
		got, err := Outcome(protocol.Answer{Outcome: test.outcome, Detail: []byte(test.detail)}, runhcs)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %q: %v, %v; want an error with %q", test.outcome, test.detail, got, err, test.want)
		}
	}
}
