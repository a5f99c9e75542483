// Package process puts payloads to a reader that runs as a process, by the
// protocol of package protocol.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"shimfuzz/internal/interop/protocol"
)

// Limit is how long a reader may take for one answer.
const Limit = 10 * time.Second

// Hang is the outcome of a reader that does not answer within Limit.
const Hang = "hang"

// Reader is a reader that is started when it is first asked, and again after it
// has died or was killed for a hang. Several goroutines may use it.
type Reader struct {
	Command []string // the program and its arguments
	Dir     string   // where it runs; "" is here
	Limit   time.Duration

	mutex sync.Mutex
	run   *running
}

// running is a process.
type running struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	frames chan frame // what it writes, as it comes
	ended  chan bool
	stderr tail
}

type frame struct {
	text []byte
	err  error
}

// New makes a reader of a command line, whose words are separated by spaces;
// there are no quotes.
func New(line, dir string) (*Reader, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil, errors.New("no command")
	}
	return &Reader{Command: words, Dir: dir, Limit: Limit}, nil
}

// Ask puts a payload to the reader. A reader that dies has panicked; its last
// words are in the answer. The error is one of starting the program, or of
// answers that are not of the protocol.
func (r *Reader) Ask(payload []byte) (protocol.Answer, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := r.ready(); err != nil {
		return protocol.Answer{}, fmt.Errorf("reader %s: %w", r.Command[0], err)
	}
	run := r.run
	// A reader that ends without reading is told by what it does not answer.
	go func() { _ = protocol.WriteFrame(run.in, payload) }()
	select {
	case <-time.After(r.Limit):
		r.stop()
		return protocol.Answer{Outcome: Hang, Detail: fmt.Appendf(nil, "no answer within %v", r.Limit)}, nil
	case f := <-run.frames:
		if f.err == nil {
			if outcome, detail, ok := bytes.Cut(f.text, []byte("\n")); ok {
				return protocol.Answer{Outcome: string(outcome), Detail: detail}, nil
			}
			f.err = fmt.Errorf("no outcome in its answer %q", f.text[:min(len(f.text), 60)])
		}
		code := r.stop()
		if errors.Is(f.err, io.EOF) || errors.Is(f.err, io.ErrUnexpectedEOF) {
			return protocol.Answer{Outcome: protocol.Panic, Detail: fmt.Appendf(nil, "the process ended (%s)\n%s", code, run.stderr.text)}, nil
		}
		return protocol.Answer{}, fmt.Errorf("reader %s: %w", r.Command[0], f.err)
	}
}

// ready sees to it that there is a process that waits for a payload.
func (r *Reader) ready() error {
	if r.run != nil {
		select {
		case f := <-r.run.frames:
			r.stop()
			if f.err == nil {
				return errors.New("it has answered without being asked, so which answer is whose cannot be told")
			}
			// It has ended since its last answer, which was complete.
		default:
			return nil
		}
	}
	run, err := r.start()
	r.run = run
	return err
}

func (r *Reader) start() (*running, error) {
	run := &running{cmd: exec.Command(r.Command[0], r.Command[1:]...), frames: make(chan frame), ended: make(chan bool)}
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
	// What it leaves behind must not keep us waiting for its standard error.
	run.cmd.WaitDelay = time.Second
	if err := run.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		for {
			text, err := protocol.ReadFrame(out)
			select {
			case run.frames <- frame{text, err}:
			case <-run.ended:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return run, nil
}

// stop ends the process, with what it has started, and says how it ended by
// itself, if it did.
func (r *Reader) stop() string {
	run := r.run
	r.run = nil
	run.in.Close()
	kill := time.AfterFunc(time.Second, func() { killGroup(run.cmd) })
	defer kill.Stop()
	_ = run.cmd.Wait() // how it ended is in its state
	killGroup(run.cmd)
	close(run.ended)
	return run.cmd.ProcessState.String()
}

// Close ends the reader, as the end of its input tells it to.
func (r *Reader) Close() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.run != nil {
		r.stop()
	}
}

// tail keeps the last of what is written to it.
type tail struct{ text []byte }

const maxTail = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - maxTail; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

// Absolute returns the command line with its program's path, if it is a path,
// made absolute from dir.
func Absolute(line, dir string) string {
	program, arguments, _ := strings.Cut(strings.TrimSpace(line), " ")
	if !strings.ContainsRune(program, os.PathSeparator) {
		return line
	}
	if !strings.HasPrefix(program, string(os.PathSeparator)) {
		program = dir + string(os.PathSeparator) + program
	}
	return strings.TrimSpace(program + " " + arguments)
}
