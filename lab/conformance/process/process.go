// Package process runs a reader as a process and puts payloads to it by the
// protocol of package protocol.
package process

import (
	"bufio"
	"errors"
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
	Dir     string        // its working directory; "" is this process's
	Limit   time.Duration // for one answer

	run *running
}

// running is one process of a reader.
type running struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	frames chan frame // from its standard output
	ended  chan bool  // closed when it has ended
	timer  *time.Timer
	stderr tail
}

type frame struct {
	text []byte
	err  error
	more bool // more output was there when it had been read
}

// errNotAsked is the error of an answer too many.
var errNotAsked = errors.New("it has answered without being asked, so answers can no longer be matched to payloads")

// hasEnded reports whether an error of reading a frame says that the process has ended.
func hasEnded(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// ready starts a process unless there is one that waits for a payload.
func (r *Reader) ready() (err error) {
	if r.run != nil {
		select {
		case f := <-r.run.frames:
			r.stop()
			if f.err == nil {
				f.err = errNotAsked
			}
			if !hasEnded(f.err) { // else its last answer was complete
				return r.failed(f.err)
			}
		default:
			return nil
		}
	}
	if r.run, err = r.start(); err != nil {
		return r.failed(err)
	}
	return nil
}

func (r *Reader) start() (*running, error) {
	run := &running{cmd: exec.Command(r.Command[0], r.Command[1:]...), frames: make(chan frame),
		ended: make(chan bool), timer: time.NewTimer(r.Limit)}
	run.cmd.Dir = r.Dir
	run.cmd.Stderr = &run.stderr
	ownGroup(run.cmd)
	var err error
	if run.in, err = run.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := run.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	// A process that it leaves running may hold its standard error open.
	run.cmd.WaitDelay = time.Second
	if err := run.cmd.Start(); err != nil {
		return nil, err
	}
	go run.read(out)
	return run, nil
}

// bufferSize is the size in bytes of the buffers between a process and its pipes.
const bufferSize = 64 << 10

// read passes on the frames from the process's output until an error or its end.
func (run *running) read(out io.Reader) {
	r := bufio.NewReaderSize(out, bufferSize)
	for {
		text, err := protocol.ReadFrame(r)
		select {
		case run.frames <- frame{text, err, r.Buffered() > 0}:
		case <-run.ended:
			return
		}
		if err != nil {
			return
		}
	}
}

// stop closes the process's input, kills it if it has not ended after a second, kills
// the processes that it has started, and returns how it ended ("exit status 3").
func (r *Reader) stop() string {
	run := r.run
	r.run = nil
	defer time.AfterFunc(time.Second, func() { killGroup(run.cmd) }).Stop()
	run.in.Close()     // which ends a write that waits for the process
	_ = run.cmd.Wait() // the error is in ProcessState
	killGroup(run.cmd)
	close(run.ended)
	return run.cmd.ProcessState.String()
}

// Close ends the reader's process. If it is asked again, another one is started.
func (r *Reader) Close() {
	if r.run != nil {
		r.stop()
	}
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
