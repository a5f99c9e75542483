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

// Limit is the default time for one answer.
const Limit = 10 * time.Second

// Hang is the outcome of a reader that does not answer in time.
const Hang = "hang"

// Reader is a reader in a process, which is started by the first call of Ask, and
// again after it has ended or was killed for a hang. Several goroutines may use it;
// they are served one at a time.
type Reader struct {
	Command []string      // the program and its arguments
	Dir     string        // its working directory; "" is this process's
	Limit   time.Duration // for one answer

	mutex sync.Mutex
	run   *running
}

// running is one process of a reader.
type running struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	frames chan frame // from its standard output
	ended  chan bool  // closed when it has ended
	stderr tail
}

type frame struct {
	text []byte
	err  error
}

// New returns a reader for a command line, which is split at spaces, without quotes.
// It runs in dir, with the default limit. The error is that line is empty.
func New(line, dir string) (*Reader, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil, errors.New("no command")
	}
	return &Reader{Command: words, Dir: dir, Limit: Limit}, nil
}

// Ask puts a payload to the reader and returns its answer. A reader that ends has
// panicked; its last output is in the answer. The error is one of starting the
// program, or of output that is not of the protocol.
func (r *Reader) Ask(payload []byte) (protocol.Answer, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := r.ready(); err != nil {
		return protocol.Answer{}, fmt.Errorf("reader %s: %w", r.Command[0], err)
	}
	run := r.run
	// An error of writing is ignored: a reader that ended is noticed when it does not answer.
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

// ready starts a process unless there is one that waits for a payload.
func (r *Reader) ready() error {
	if r.run != nil {
		select {
		case f := <-r.run.frames:
			r.stop()
			if f.err == nil {
				return errors.New("it has answered without being asked, so answers can no longer be matched to payloads")
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
	// A process that it leaves running may hold its standard error open.
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

// stop closes the process's input, kills it if it has not ended after a second, kills
// the processes that it has started, and returns how it ended ("exit status 3").
func (r *Reader) stop() string {
	run := r.run
	r.run = nil
	run.in.Close()
	kill := time.AfterFunc(time.Second, func() { killGroup(run.cmd) })
	defer kill.Stop()
	_ = run.cmd.Wait() // the error is in ProcessState
	killGroup(run.cmd)
	close(run.ended)
	return run.cmd.ProcessState.String()
}

// Close ends the reader's process. A later Ask starts another one.
func (r *Reader) Close() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
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

// Absolute returns the command line with its program made absolute from dir, if that
// is a path and not a name to be looked up.
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
