package decoder

import "io"

// Scripted returns a reader of b. Each byte of the script says how the next
// read goes: how many bytes it delivers, whether it is an empty one, and
// whether the end comes together with the last bytes. The script is repeated as
// often as needed.
func Scripted(b, script []byte) io.Reader { return Failing(b, len(b), script, io.EOF) }

// Failing is Scripted of b up to offset at, and then fails with cause: once. A
// caller that goes on reading in spite of that gets the rest of b.
func Failing(b []byte, at int, script []byte, cause error) io.Reader {
	if len(script) == 0 {
		script = []byte{MostRead - 1}
	}
	return &scripted{rest: b[:at], end: cause, after: b[at:], script: script}
}

// A byte of a script delivers up to MostRead bytes, one more than its lowest six bits say. The
// end comes after the last bytes, or together with them.
const (
	Alone    byte = 0
	Together byte = 0x40
	Empty    byte = 0xc0
	MostRead      = 64
)

type scripted struct {
	rest   []byte
	end    error  // what comes behind rest
	after  []byte // what comes behind a failure
	script []byte
	step   int
	empty  int // empty reads in a row
}

// maxEmpty is how many reads in a row deliver nothing: io.Reader discourages even one, and at
// the hundredth what reads with bufio fails with io.ErrNoProgress.
const maxEmpty = 99

func (s *scripted) Read(p []byte) (int, error) {
	how := s.script[s.step%len(s.script)]
	s.step++
	if how&Empty == Empty && s.empty < maxEmpty || len(p) == 0 {
		s.empty++
		return 0, nil
	}
	s.empty = 0
	if len(s.rest) == 0 {
		return 0, s.finish()
	}
	n := min(len(p), len(s.rest), 1+int(how&(MostRead-1)))
	copy(p, s.rest[:n])
	s.rest = s.rest[n:]
	if len(s.rest) == 0 && how&Together != 0 {
		return n, s.finish()
	}
	return n, nil
}

// finish returns the end and goes over to what comes behind it.
func (s *scripted) finish() error {
	end := s.end
	s.rest, s.after, s.end = s.after, nil, io.EOF
	return end
}
