// Package process runs a reader as a process and puts payloads to it by the
// protocol of package protocol.
package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"shimfuzz/lab/conformance/protocol"
)

// Limit is the default time for one answer.
const Limit = 10 * time.Second

// Hang is the outcome of a reader that does not answer in time.
const Hang = "hang"

// Reader is a reader in a process, which is started when it is first asked, and
// again after it has ended or was killed for a hang. It is for one goroutine at a time.
type Reader struct {
	Command []string      // the program and its arguments
	Limit   time.Duration // for one answer

	run *running
}

// running is one process of a reader.
type running struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	stdout io.ReadCloser
	out    *bufio.Reader // of stdout
	stderr tail
}

var errNotAsked = errors.New("it has answered without being asked, so answers can no longer be matched to payloads")

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
// not answered. They are asked one at a time, so that the one to blame gets the answer that
// Ask gives.
//
// The errors are those of Ask, and one of a process that ends or hangs on several
// payloads and on none of them alone. An error of answered ends AskAll, too.
// The reader cannot be asked, or closed, by answered.
func (r *Reader) AskAll(payloads [][]byte, answered func(i int, a protocol.Answer) error) error {
	var together *protocol.Answer // to several payloads, with none of which alone it has ended yet
	most := len(payloads)         // at a time
	for i := 0; i < len(payloads); {
		asked := payloads[i:min(i+most, len(payloads))]
		n, end, err := r.exchange(asked, func(n int, a protocol.Answer) error { return answered(i+n, a) })
		if err != nil {
			return err
		}
		i += n
		switch {
		case end == nil:
		case len(asked) > 1:
			together, most = end, 1
		default:
			together = nil
			if err := answered(i, *end); err != nil {
				return err
			}
			i++
		}
	}
	if together != nil {
		return r.failed(fmt.Errorf("it answers these payloads one at a time, but not together: %s", together.Detail))
	}
	return nil
}

// exchange asks payloads of one process, and returns how many of them it has answered, and
// how it has ended, or that it has hung, before it has answered all.
func (r *Reader) exchange(payloads [][]byte, answered func(int, protocol.Answer) error) (n int,
	end *protocol.Answer, err error) {
	if r.run == nil {
		if err := r.start(); err != nil {
			return 0, nil, r.failed(err)
		}
	}
	run, sent, complete := r.run, make(chan bool), false
	go func() {
		defer close(sent)
		w := bufio.NewWriterSize(run.in, bufferSize)
		for _, p := range payloads {
			_ = protocol.WriteFrame(w, p) // a process that ended is noticed when it does not answer
		}
		_ = w.Flush()
	}()
	defer func() {
		if !complete && r.run != nil { // answers that nobody waits for must not become those to the next payloads
			r.stop()
		}
	}()
	for ; n < len(payloads); n++ {
		a, err := r.receive()
		if err != nil {
			return n, nil, r.failed(err)
		}
		if r.run == nil {
			return n, &a, nil
		}
		if err := answered(n, a); err != nil {
			return n, nil, err
		}
	}
	if run.out.Buffered() > 0 {
		return n, nil, r.failed(errNotAsked)
	}
	select {
	case <-sent:
		complete = true
		return n, nil, nil
	case <-time.After(r.Limit):
		return n, nil, r.failed(errors.New("it has answered, but does not read what it was sent to its end"))
	}
}

// failed says which reader an error is of.
func (r *Reader) failed(err error) error { return fmt.Errorf("reader %s: %w", r.Command[0], err) }

func (r *Reader) start() (err error) {
	run := &running{cmd: exec.Command(r.Command[0], r.Command[1:]...)}
	run.cmd.Stderr = &run.stderr
	// A process that it leaves running may hold its standard error open.
	run.cmd.WaitDelay = time.Second
	ownGroup(run.cmd)
	if run.in, err = run.cmd.StdinPipe(); err != nil {
		return err
	}
	if run.stdout, err = run.cmd.StdoutPipe(); err != nil {
		return err
	}
	run.out = bufio.NewReaderSize(run.stdout, bufferSize)
	if err = run.cmd.Start(); err == nil {
		r.run = run
	}
	return err
}

// bufferSize is the size in bytes of the buffers between a process and its pipes.
const bufferSize = 64 << 10

// receive waits for an answer until the time is up, or for the process to end. If it has
// ended, or is stopped for a hang, that is the answer, and r.run is nil.
func (r *Reader) receive() (protocol.Answer, error) {
	run := r.run
	timer := time.AfterFunc(r.Limit, run.kill)
	frame, err := protocol.ReadFrame(run.out)
	inTime := timer.Stop()
	outcome, detail, found := bytes.Cut(frame, []byte("\n"))
	switch {
	case !inTime:
		r.stop()
		return protocol.Answer{Outcome: Hang, Detail: fmt.Appendf(nil, "no answer within %v", r.Limit)}, nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		how, _ := r.stop()
		text := fmt.Appendf(nil, "the process ended (%s)\n%s", how, run.stderr.text)
		return protocol.Answer{Outcome: protocol.Panic, Detail: text}, nil
	case err == nil && !found:
		err = fmt.Errorf("no outcome in its answer %.60q", frame)
	}
	return protocol.Answer{Outcome: string(outcome), Detail: detail}, err
}

// kill kills the process and those that it has started, and ends a read that waits for them.
func (run *running) kill() {
	killGroup(run.cmd)
	run.stdout.Close()
}

// stop closes the process's input, kills it if it has not ended after a second, and the
// processes that it has started. It returns how it ended ("exit status 3"), and whether it has
// written more than was read.
func (r *Reader) stop() (how string, more bool) {
	run := r.run
	r.run = nil
	defer time.AfterFunc(time.Second, run.kill).Stop()
	run.in.Close() // which ends a write that waits for the process
	_, err := run.out.Peek(1)
	_ = run.cmd.Wait() // the error is in ProcessState
	killGroup(run.cmd)
	return run.cmd.ProcessState.String(), err == nil
}

// Close ends the reader's process. If it is asked again, another one is started. The error is
// that it has answered more than it was asked.
func (r *Reader) Close() error {
	if r.run == nil {
		return nil
	}
	if _, more := r.stop(); more {
		return r.failed(errNotAsked)
	}
	return nil
}

// tail keeps the last maxTail bytes that are written to it.
type tail struct{ text []byte }

const maxTail = 8 << 10 // bytes

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - maxTail; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}
