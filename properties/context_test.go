package properties

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
)

// inContext is a readOptions in a context.
type inContext = func(context.Context, io.Reader) (*options.Options, error)

// A context that ends before, during or after reading changes no answer to another one: it is
// the right one or an error. What takes no context cannot break that (S8); TestContextIsHeld holds
// what does on every hcsshim.
func TestContext(t *testing.T) {
	if read := hcsshim.Current().ReadInContext; read != nil {
		holdContexts(t, inContexts(t), verify.UnderTest(), read)
	}
}

// holdContexts gives a decoder contexts that end at each read of a payload: at read 0 before
// anything is read, and at never after the answer.
func holdContexts(t verify.TB, payloads []grammar.Payload, d decoder.Decoder, read inContext) {
	t.Helper()
	for _, p := range payloads {
		reads := min(4, 1+3*len(p.Bytes)) // which every decoder needs
		for _, why := range []error{context.Canceled, context.DeadlineExceeded} {
			for _, at := range []int{0, 1, 2, 3, 4, never} {
				for _, fails := range []bool{false, at <= reads} {
					holdContext(t, d, read, p, newEnding(p.Bytes, why, at, fails))
				}
			}
		}
	}
}

// inContexts are payloads with options, without, and damaged.
func inContexts(t *testing.T) []grammar.Payload {
	t.Helper()
	list := append(plain(t), grammar.RunHCS.Encode(grammar.Lowest{}, 0, grammar.Bootstrap, nil),
		grammar.Payload{Want: grammar.Sent(nil), Description: "no bytes"})
	for _, p := range list[:2] {
		b := p.Bytes[:len(p.Bytes)-1]
		list = append(list, grammar.Payload{Bytes: b, Want: reference.Want(b), Description: p.Description + ", cut"})
	}
	return list
}

// holdContext holds one answer, and looks at it again when the context has ended.
func holdContext(t verify.TB, d decoder.Decoder, read inContext, p grammar.Payload, e *ending) {
	t.Helper()
	p.Description += fmt.Sprintf(", in a context that ends at read %d with %q", e.at, e.why)
	d.Read = func(r io.Reader) (*options.Options, error) { return read(e.ctx, r) }
	if e.fails {
		p.Want = contract.Outcome{Kind: contract.Read, Err: e.why}
	}
	right := p.Want
	p.Want.Or = append(slices.Clone(p.Want.Or), contract.Outcome{Kind: contract.Error})
	check := verify.Check{Guarantee: contract.ReaderFaults, Payload: p, Reader: e}
	got, kind := verify.Run(t, d, check)
	e.end()
	if diff := contract.Diff(right, got); kind == verdict.Right && diff != "" {
		verify.Fail(t, d, check, "the result changed when the context ended: "+diff)
	}
}

// never is later than any read.
const never = 1 << 30

// ending is a reader, and a context that ends at one of its reads. From then on the reader
// fails, too, or goes on.
type ending struct {
	io.Reader
	ctx       context.Context
	end       func()
	why       error
	at, reads int
	fails     bool
}

func newEnding(b []byte, why error, at int, fails bool) *ending {
	e := &ending{Reader: decoder.Scripted(b, scriptOf([]int{1, 20, len(b)}, decoder.Alone)), why: why, at: at,
		fails: fails}
	if e.ctx, e.end = context.WithCancel(context.Background()); why == context.DeadlineExceeded {
		e.ctx = expiring{e.ctx}
	}
	if at == 0 {
		e.end()
	}
	return e
}

func (e *ending) Read(b []byte) (int, error) {
	if e.reads++; e.reads == e.at {
		e.end()
	}
	if e.fails && e.reads >= e.at {
		return 0, e.why
	}
	return e.Reader.Read(b)
}

// expiring is a context whose deadline passes when the one in it is cancelled, by no clock.
type expiring struct{ context.Context }

func (e expiring) Deadline() (time.Time, bool) { return time.Unix(0, 0), true }

func (e expiring) Err() error {
	if e.Context.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

// What TestContext allows and what it finds, on decoders that are made here.
func TestContextIsHeld(t *testing.T) {
	payloads := inContexts(t)
	held := func(read inContext) (passes bool) {
		defer func() { passes = recover() == nil }()
		holdContexts(new(recorder), payloads, reference.Decoder, read)
		return
	}
	failed := errors.New("the context has ended")
	always := func(_, _ error) bool { return true }
	for _, test := range []struct {
		name    string
		early   bool                        // it asks before it reads whether the context has ended, and not after
		givesUp func(ended, err error) bool // whether it then does, by the context's error and that of reading
		answer  error                       // with which it gives up: nil is no options and no error
		passes  bool
	}{
		{"does not look", false, func(_, _ error) bool { return false }, nil, true},
		{"fails", false, always, failed, true},
		{"fails at once", true, always, failed, true},
		{"none", false, always, nil, false},
		{"none at once", true, always, nil, false},
		{"none at the deadline", false, func(ended, _ error) bool { return ended == context.DeadlineExceeded }, nil,
			false},
		{"none if the reader fails", false, func(_, err error) bool { return errors.Is(err, context.Canceled) }, nil,
			false},
	} {
		passes := held(func(ctx context.Context, r io.Reader) (*options.Options, error) {
			ended := ctx.Err()
			opts, err := reference.ReadOptions(r)
			if !test.early {
				ended = ctx.Err()
			}
			if ended != nil && test.givesUp(ended, err) {
				return nil, test.answer
			}
			return opts, err
		})
		if passes != test.passes {
			t.Errorf("%s: passes is %v", test.name, passes)
		}
	}
	passes := held(func(ctx context.Context, r io.Reader) (*options.Options, error) {
		var all, b = []byte{}, make([]byte, 64)
		for ctx.Err() == nil {
			n, err := r.Read(b)
			if all = append(all, b[:n]...); err == io.EOF {
				break
			} else if err != nil {
				return nil, err
			}
		}
		return reference.ReadOptions(bytes.NewReader(all))
	})
	if passes {
		t.Error("what was read when the context ended passes for all")
	}
}
