package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// logReader reads the log of a shim, which the shim writes to whoever is
// connected to its log pipe.
type logReader struct {
	mu     sync.Mutex
	change sync.Cond
	text   strings.Builder // what has not been returned yet
	open   int             // connections
	marks  int             // calls made to mark a place in the log
}

// openLog connects to the log pipe of a shim, and returns when the log arrives:
// the shim logs to nothing until it has noticed the connection.
func openLog(namespace string, s *shim) (*logReader, error) {
	address := `\\.\pipe\containerd-shim-` + namespace + "-" + s.id + "-log"
	l := &logReader{open: connections}
	l.change.L = &l.mu
	for range connections { // as in connect; the shim logs to the last that it notices
		pipe, err := dial(address)
		if err != nil {
			return nil, fmt.Errorf("connecting to the shim's log: %w", err)
		}
		go l.read(pipe)
	}
	for !l.arrives() {
		if _, alive := l.mark(s.conn); !alive {
			return nil, errors.New("the shim ended before it logged anything")
		}
	}
	l.untilNow(s.conn)
	return l, nil
}

// read reads the log until its end, as it comes: the shim waits until what it
// logs is read.
func (l *logReader) read(pipe io.Reader) {
	in := bufio.NewReader(pipe)
	for {
		line, err := in.ReadString('\n')
		l.mu.Lock()
		l.text.WriteString(line)
		if err != nil {
			l.open--
		}
		l.change.Broadcast()
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (l *logReader) arrives() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Len() > 0
}

// mark calls Connect, which the shim logs, with an ID that marks the place.
func (l *logReader) mark(c *connection) (id string, alive bool) {
	l.marks++
	id = fmt.Sprintf("mark-%d-", l.marks)
	return id, !c.connect(id).Closed
}

// untilNow returns what the shim has logged since the last time.
func (l *logReader) untilNow(c *connection) string {
	mark, alive := l.mark(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.open > 0 && !(alive && strings.Contains(l.text.String(), mark)) {
		l.change.Wait()
	}
	text := l.text.String()
	l.text.Reset()
	return text
}
