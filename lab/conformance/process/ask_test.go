package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shimfuzz/lab/conformance/protocol"
)

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

// deaf is a reader that answers a question without reading it to its end.
func deaf() {
	_, _ = io.ReadFull(os.Stdin, make([]byte, 1))
	_ = protocol.WriteFrame(os.Stdout, []byte("none\n"))
	time.Sleep(time.Hour)
}

func bytesOf(payloads ...string) (all [][]byte) {
	for _, p := range payloads {
		all = append(all, []byte(p))
	}
	return all
}

// askAll asks payloads and returns the answers, each in a line of its own.
func askAll(r *Reader, payloads []string) ([]string, error) {
	var got []string
	err := r.AskAll(bytesOf(payloads...), func(i int, a protocol.Answer) error {
		if i != len(got) {
			return fmt.Errorf("answer %d after %d answers", i, len(got))
		}
		line, _, _ := strings.Cut(string(a.Detail), "\n")
		got = append(got, a.Outcome+" "+line)
		return nil
	})
	return got, err
}

// Every payload gets the answer that it gets alone, whatever the reader does with the
// ones before and behind it.
func TestAskAll(t *testing.T) {
	const ended = "panic the process ended (exit status 3)"
	for _, test := range []struct {
		name, behavior string
		payloads, want []string
	}{
		{"none", "payloads", nil, nil},
		{"in order", "payloads", []string{"a", "", "panic", "fail", "b"}, []string{"options a", "options ",
			"panic on purpose", "error no use", "options b"}},
		{"a crash in the middle", "payloads", []string{"a", "b", "die", "c", "d"},
			[]string{"options a", "options b", ended, "options c", "options d"}},
		{"crashes in a row", "payloads", []string{"die", "die", "a", "die"},
			[]string{ended, ended, "options a", ended}},
		{"a crash after answers that arrived", "payloads", []string{"a", "slow", "die"},
			[]string{"options a", "options slow", ended}},
		{"a crash of a reader that reads ahead", "ahead", []string{"a", "b", "die", "c"},
			[]string{"options a", "options b", ended, "options c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readerOf(t, test.behavior)
			for range 2 { // the second time, the process is the one that the first has left
				got, err := askAll(r, test.payloads)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("- want, + got\n%s", diff)
				}
			}
		})
	}
}

// The payload that a reader hangs on is a hang, also while the next ones fill the pipe.
func TestAskAllHangs(t *testing.T) {
	r := reader(t)
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
	r := reader(t)
	var payloads, want []string
	for i := range 2000 {
		p := fmt.Sprint(i, " ", strings.Repeat("x", i))
		if i%500 == 250 {
			p = fmt.Sprint(i, " ", strings.Repeat("x", 5<<20))
		}
		payloads, want = append(payloads, p), append(want, "options "+p)
	}
	got, err := askAll(r, payloads)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d answers, %v", len(got), err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %.20q…, %d bytes, want %.20q…, %d", i, got[i], len(got[i]), want[i], len(want[i]))
		}
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
		{"a program that needs to be asked one at a time", "lonely", []string{"a", "b", "c"},
			"it answers these 3 payloads one at a time, but not together: the process ended (exit status 3)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readerOf(t, test.behavior)
			if got, err := askAll(r, test.payloads); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%q, %v; want an error with %q", got, err, test.want)
			}
			if got, err := askAll(r, []string{"x"}); err != nil || got[0] != "options x" {
				t.Errorf("after that: %q, %v", got, err)
			}
		})
	}
}

// An answer too many is an error, now or when the next payload is asked.
func TestAskAllOutOfStep(t *testing.T) {
	r := reader(t)
	_, err := askAll(r, []string{"a", "twice", "b"})
	eventually(t, "the answer too many is told", func() bool {
		if err == nil {
			_, err = askAll(r, []string{"c", "d"})
		}
		return err != nil
	})
	if !errors.Is(err, errNotAsked) {
		t.Error(err)
	}
}

// A reader that answers, and does not read what it has answered, is not waited for.
func TestAskAllDeaf(t *testing.T) {
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
	r := reader(t)
	three := bytesOf("a", "b", "c")
	enough := errors.New("enough")
	calls := 0
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
	if got, err := askAll(r, []string{"x", "y"}); err != nil || got[0] != "options x" || got[1] != "options y" {
		t.Errorf("after that: %q, %v", got, err)
	}
}

// How many payloads a second a reader that does nothing answers.
func BenchmarkAskAll(b *testing.B) {
	for _, size := range []int{1, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := reader(b)
			all := bytesOf(slices.Repeat([]string{strings.Repeat("x", 60)}, size)...)
			ask := func() {
				if err := r.AskAll(all, func(int, protocol.Answer) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
			ask() // starts the process
			for b.Loop() {
				ask()
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "payloads/s")
		})
	}
}
