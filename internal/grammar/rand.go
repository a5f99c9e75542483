package grammar

import "shimfuzz/internal/contract"

// Rand makes the choices of what is drawn: rapid draws them in the property tests,
// the fuzz targets take them from a fuzzer's input, and a
// *rand.Rand makes them in the tests of the real programs.
type Rand interface {
	Intn(n int) int // from 0 to n-1
	Uint64() uint64
}

// Lowest makes every choice the same way, so that a payload has the same bytes
// each time it is made.
type Lowest struct{}

func (Lowest) Intn(int) int   { return 0 }
func (Lowest) Uint64() uint64 { return 0 }

// Payload is what a shim reads, and what it must answer.
type Payload struct {
	Bytes       []byte
	Input       contract.Input // that Want is the right answer to
	Want        contract.Outcome
	Description string // how the payload was made, for a failure report
	Marks       []Mark // what was drawn for it
}

// Mark is one thing that was drawn: a fault or a freedom and the level that it is in, a
// variation, a field of Options.
type Mark struct{ What, Row, Column string }

// The values of Mark.What.
const (
	FaultMark     = "fault"
	FreedomMark   = "freedom"
	VariationMark = "variation"
	FieldMark     = "field"
)

// GoString keeps a payload to one line in rapid's log.
func (p Payload) GoString() string { return p.Description }

func oneIn(rnd Rand, n int) bool { return rnd.Intn(n) == n-1 }

func pick[T any](rnd Rand, from []T) T { return from[rnd.Intn(len(from))] }

func randomBytes(rnd Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Intn(256))
	}
	return b
}
