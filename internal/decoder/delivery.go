package decoder

import (
	"io"
	"slices"
)

// Scripted returns a reader of b. Each byte of the script says how the next
// read goes: how many bytes it delivers, whether it is an empty one, and
// whether the end comes together with the last bytes. The script is repeated as
// often as needed.
func Scripted(b, script []byte) io.Reader {
	return &scripted{rest: b, end: io.EOF, script: script}
}

// Failing is Scripted of b up to offset at, and then fails with cause: once. A
// caller that goes on reading in spite of that gets the rest of b.
func Failing(b []byte, at int, script []byte, cause error) io.Reader {
	return &scripted{rest: b[:at], end: cause, after: b[at:], script: script}
}

// A byte of a script delivers up to 64 bytes, one more than its lowest six bits say. The
// end comes after the last bytes, or together with them.
const (
	Alone    byte = 0
	Together byte = 0x40
	empty    byte = 0xc0
	mostRead      = 64
)

// Script is the script that delivers bytes in reads of these lengths, the end as flag says.
func Script(reads []int, flag byte) []byte {
	var script []byte
	for _, n := range reads {
		for ; n > 0; n -= mostRead {
			script = append(script, byte(min(n, mostRead)-1)|flag)
		}
	}
	return script
}

// WithEmptyReads returns the script with n reads of nothing before one of its reads, or
// before each if that is -1.
func WithEmptyReads(script []byte, n, before int) []byte {
	var with []byte
	for i, b := range script {
		if i == before || before < 0 {
			with = append(with, slices.Repeat([]byte{empty}, n)...)
		}
		with = append(with, b)
	}
	return with
}

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
	how := s.next()
	if how&empty == empty && s.empty < maxEmpty || len(p) == 0 {
		s.empty++
		return 0, nil
	}
	s.empty = 0
	if len(s.rest) == 0 {
		return 0, s.finish()
	}
	n := min(len(p), len(s.rest), 1+int(how&(mostRead-1)))
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

func (s *scripted) next() byte {
	if len(s.script) == 0 {
		return mostRead - 1
	}
	b := s.script[s.step%len(s.script)]
	s.step++
	return b
}
