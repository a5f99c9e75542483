package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"time"

	"shimfuzz/lab/conformance/protocol"
)

// Ask puts a payload to the reader and returns its answer. A reader that ends has
// panicked; its last output is in the answer. The error is one of starting
// the program, or of output that is not of the protocol.
func (r *Reader) Ask(payload []byte) (answer protocol.Answer, err error) {
	err = r.AskAll([][]byte{payload}, func(_ int, a protocol.Answer) error {
		answer = a
		return nil
	})
	return answer, err
}

// AskAll puts payloads to the reader and calls answered with the answer to each, in
// order. They are written while answers are read, so that a fast reader does not
// wait. The limit for an answer counts from the one before.
//
// If the process ends or hangs, it may have done so on any of the payloads that it has
// not answered. They are asked one at a time up to the one to blame, which gets the answer
// that Ask gives.
//
// The errors are those of Ask, and one of a process that ends or hangs on several
// payloads and on none of them alone. An error of answered ends AskAll, too.
// The reader cannot be asked, or closed, by answered.
func (r *Reader) AskAll(payloads [][]byte, answered func(i int, a protocol.Answer) error) error {
	var end *protocol.Answer // of a process that one of the payloads from unclear on is to blame for
	unclear := 0
	for i := 0; i < len(payloads); {
		asked := payloads[i:]
		if end != nil {
			asked = asked[:1]
		}
		n, ended, err := r.exchange(asked, func(n int, a protocol.Answer) error { return answered(i+n, a) })
		if err != nil {
			return err
		}
		i += n
		switch {
		case ended == nil && end != nil && i == len(payloads):
			return r.failed(fmt.Errorf("it answers these %d payloads one at a time, but not together: %s", i-unclear,
				end.Detail))
		case ended == nil:
		case end == nil && i < len(payloads)-1:
			end, unclear = ended, i
		default: // no other can be to blame
			if err := answered(i, *ended); err != nil {
				return err
			}
			end = nil
			i++
		}
	}
	return nil
}

// exchange asks payloads of one process, and returns how many of them it has answered, and
// that it has ended or hung, nil if it has answered all.
func (r *Reader) exchange(payloads [][]byte, answered func(int, protocol.Answer) error) (n int,
	end *protocol.Answer, err error) {
	if err := r.ready(); err != nil {
		return 0, nil, err
	}
	sent := make(chan bool)
	go r.run.send(payloads, sent)
	defer func() {
		// Answers that nobody waits for must not become those to the next payloads.
		if r.run != nil && n < len(payloads) {
			r.stop()
		}
		<-sent
	}()
	for n < len(payloads) {
		a, err := r.receive(n == len(payloads)-1)
		if err != nil {
			return n, nil, r.failed(err)
		}
		if r.run == nil {
			return n, &a, nil
		}
		n++
		if err := answered(n-1, a); err != nil {
			return n, nil, err
		}
	}
	select {
	case <-sent:
		return n, nil, nil
	case <-time.After(r.Limit):
		r.stop()
		return n, nil, r.failed(errors.New("it has answered, but does not read what it was sent to its end"))
	}
}

// send writes payloads and closes done. An error is ignored: a process that ended is
// noticed when it does not answer.
func (run *running) send(payloads [][]byte, done chan<- bool) {
	defer close(done)
	w := bufio.NewWriterSize(run.in, bufferSize)
	for _, p := range payloads {
		if err := protocol.WriteFrame(w, p); err != nil {
			return
		}
	}
	_ = w.Flush()
}

// receive waits for an answer until the time is up, or for the process to end. If it
// has ended, or is stopped for a hang, that is the answer, and r.run is nil. The last
// answer must not have another one behind it.
func (r *Reader) receive(last bool) (protocol.Answer, error) {
	run := r.run
	run.timer.Reset(r.Limit)
	var f frame
	select {
	case <-run.timer.C:
		r.stop()
		return protocol.Answer{Outcome: Hang, Detail: fmt.Appendf(nil, "no answer within %v", r.Limit)}, nil
	case f = <-run.frames:
	}
	outcome, detail, ok := bytes.Cut(f.text, []byte("\n"))
	switch {
	case f.err != nil:
	case !ok:
		f.err = fmt.Errorf("no outcome in its answer %q", f.text[:min(len(f.text), 60)])
	case last && f.more:
		f.err = errNotAsked
	default:
		return protocol.Answer{Outcome: string(outcome), Detail: detail}, nil
	}
	code := r.stop()
	if hasEnded(f.err) {
		return protocol.Answer{Outcome: protocol.Panic, Detail: fmt.Appendf(nil, "the process ended (%s)\n%s", code,
			run.stderr.text)}, nil
	}
	return protocol.Answer{}, f.err
}

// failed says which reader an error is of.
func (r *Reader) failed(err error) error { return fmt.Errorf("reader %s: %w", r.Command[0], err) }
