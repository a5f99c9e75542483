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
// If the process ends or hangs, it may have done so on any of the payloads that it was
// sent and has not answered. These are asked one at a time, so that the one to blame
// gets the answer that Ask gives.
//
// The errors are those of Ask, and one of a process that ends or hangs on several
// payloads and on none of them alone. An error of answered ends AskAll, too.
// The reader cannot be asked, or closed, by answered.
func (r *Reader) AskAll(payloads [][]byte, answered func(i int, a protocol.Answer) error) error {
	for i := 0; i < len(payloads); {
		from := i
		later := func(n int, a protocol.Answer) error { return answered(from+n, a) }
		e, err := r.exchange(payloads[i:], later)
		if err != nil {
			return err
		}
		i += e.answered
		switch {
		case e.end == nil:
		case i == len(payloads)-1: // no other can be to blame
			return answered(i, *e.end)
		default:
			unclear := payloads[i : i+max(e.sent-e.answered, 1)]
			from = i
			if err := r.oneByOne(unclear, *e.end, later); err != nil {
				return err
			}
			i += len(unclear)
		}
	}
	return nil
}

// oneByOne asks payloads one at a time after a process has ended or hung on one of them.
// end is its last answer.
func (r *Reader) oneByOne(payloads [][]byte, end protocol.Answer, answered func(int, protocol.Answer) error) error {
	ended := false
	for i := range payloads {
		this := func(_ int, a protocol.Answer) error { return answered(i, a) }
		e, err := r.exchange(payloads[i:i+1], this)
		if err == nil && e.end != nil {
			ended = true
			err = answered(i, *e.end)
		}
		if err != nil {
			return err
		}
	}
	if !ended {
		return r.failed(fmt.Errorf("it answers these %d payloads one at a time, but not together: %s", len(payloads),
			end.Detail))
	}
	return nil
}

// exchanged is how far a process came with the payloads that it was asked.
type exchanged struct {
	sent     int              // as far as the buffers before the process
	answered int              // completely
	end      *protocol.Answer // that it has ended or hung, nil if it has answered all
}

// exchange asks payloads of one process.
func (r *Reader) exchange(payloads [][]byte, answered func(int, protocol.Answer) error) (e exchanged, err error) {
	if err := r.ready(); err != nil {
		return e, err
	}
	sent := make(chan bool)
	go r.run.send(payloads, &e.sent, sent)
	defer func() {
		// Answers that nobody waits for must not become those to the next payloads.
		if r.run != nil && e.answered < len(payloads) {
			r.stop()
		}
		<-sent
	}()
	for e.answered < len(payloads) {
		a, err := r.receive(e.answered == len(payloads)-1)
		if err != nil {
			return e, r.failed(err)
		}
		if r.run == nil {
			e.end = &a
			return e, nil
		}
		e.answered++
		if err := answered(e.answered-1, a); err != nil {
			return e, err
		}
	}
	select {
	case <-sent:
		return e, nil
	case <-time.After(r.Limit):
		r.stop()
		return e, r.failed(errors.New("it has answered, but does not read what it was sent to its end"))
	}
}

// send writes payloads, counts those that it has begun with, and closes done. An error is
// ignored: a process that ended is noticed when it does not answer.
func (run *running) send(payloads [][]byte, begun *int, done chan<- bool) {
	defer close(done)
	w := bufio.NewWriterSize(run.in, bufferSize)
	for _, p := range payloads {
		*begun++
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
