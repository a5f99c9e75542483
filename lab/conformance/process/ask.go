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
func (r *Reader) Ask(payload []byte) (protocol.Answer, error) {
	var answer protocol.Answer
	err := r.AskAll([][]byte{payload}, func(_ int, a protocol.Answer) error {
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
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for i := 0; i < len(payloads); {
		e, err := r.exchange(payloads[i:], i, answered)
		if err != nil {
			return err
		}
		i += e.answered
		if e.end == nil {
			continue
		}
		if i == len(payloads)-1 { // no other can be to blame
			return answered(i, *e.end)
		}
		unclear := max(e.sent-e.answered, 1)
		if err := r.oneByOne(payloads[i:i+unclear], i, *e.end, answered); err != nil {
			return err
		}
		i += unclear
	}
	return nil
}

// oneByOne asks payloads, the first of which is the one numbered first, one at a time
// after a process has ended or hung on one of them. end is its last answer.
func (r *Reader) oneByOne(payloads [][]byte, first int, end protocol.Answer,
	answered func(int, protocol.Answer) error) error {
	ended := false
	for i := range payloads {
		e, err := r.exchange(payloads[i:i+1], first+i, answered)
		if err != nil {
			return err
		}
		if e.end == nil {
			continue
		}
		ended = true
		if err := answered(first+i, *e.end); err != nil {
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

// exchange asks payloads of one process, the first of which is the one numbered first.
func (r *Reader) exchange(payloads [][]byte, first int, answered func(int, protocol.Answer) error) (exchanged, error) {
	if err := r.ready(); err != nil {
		return exchanged{}, err
	}
	return r.converse(payloads, first, answered)
}

// converse is exchange with the process that there is.
func (r *Reader) converse(payloads [][]byte, first int, answered func(int, protocol.Answer) error) (e exchanged,
	err error) {
	s := r.run.send(payloads)
	defer func() {
		// Answers that nobody waits for must not become those to the next payloads.
		if r.run != nil && e.answered < len(payloads) {
			r.stop()
		}
		<-s.done
		e.sent = s.begun
	}()
	timer := time.NewTimer(r.Limit)
	defer timer.Stop()
	for e.answered < len(payloads) {
		timer.Reset(r.Limit)
		a, err := r.receive(timer.C, e.answered == len(payloads)-1)
		if err != nil {
			return e, r.failed(err)
		}
		if r.run == nil {
			e.end = &a
			return e, nil
		}
		e.answered++
		if err := answered(first+e.answered-1, a); err != nil {
			return e, err
		}
	}
	timer.Reset(r.Limit)
	select {
	case <-s.done:
		return e, nil
	case <-timer.C:
		r.stop()
		return e, r.failed(errors.New("it has answered, but does not read what it was sent to its end"))
	}
}

// sending writes payloads to a process in a goroutine of its own.
type sending struct {
	done  chan bool // closed when it is over
	begun int       // how many payloads it has begun to write, once it is over
}

// send begins to write payloads. An error is ignored: a process that ended is noticed
// when it does not answer.
func (run *running) send(payloads [][]byte) *sending {
	s := &sending{done: make(chan bool)}
	go func() {
		defer close(s.done)
		w := bufio.NewWriterSize(run.in, bufferSize)
		for _, p := range payloads {
			s.begun++
			if err := protocol.WriteFrame(w, p); err != nil {
				return
			}
		}
		_ = w.Flush()
	}()
	return s
}

// receive waits for an answer until the time is up, or for the process to end. If it
// has ended, or is stopped for a hang, that is the answer, and r.run is nil. The last
// answer must not have another one behind it.
func (r *Reader) receive(timeIsUp <-chan time.Time, last bool) (protocol.Answer, error) {
	run := r.run
	var f frame
	select {
	case <-timeIsUp:
		r.stop()
		return protocol.Answer{Outcome: Hang, Detail: fmt.Appendf(nil, "no answer within %v", r.Limit)}, nil
	case f = <-run.frames:
	}
	if f.err == nil {
		outcome, detail, ok := bytes.Cut(f.text, []byte("\n"))
		switch {
		case !ok:
			f.err = fmt.Errorf("no outcome in its answer %q", f.text[:min(len(f.text), 60)])
		case last && f.more:
			f.err = errNotAsked
		default:
			return protocol.Answer{Outcome: string(outcome), Detail: detail}, nil
		}
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
