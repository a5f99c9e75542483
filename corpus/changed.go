package corpus

import (
	"slices"

	"shimfuzz/internal/payload"
)

// Changed draws bytes that may be anything: random ones, or a case with bytes changed,
// cut out, doubled, or joined with another case.
func Changed(rnd payload.Rand, cases []Case) []byte {
	if rnd.Intn(10) == 0 {
		b := make([]byte, rnd.Intn(40))
		for i := range b {
			b[i] = byte(rnd.Intn(256))
		}
		return b
	}
	one := func() []byte { return cases[rnd.Intn(len(cases))].Payload.Bytes }
	b := slices.Clone(one())
	for range rnd.Intn(4) {
		at := rnd.Intn(len(b) + 1)
		to := at + rnd.Intn(len(b)+1-at)
		switch rnd.Intn(5) {
		case 0:
			b = slices.Concat(b[:at], b[to:]) // cut out
		case 1:
			b = slices.Concat(b[:to], b[at:]) // doubled
		case 2:
			b = slices.Concat(b, one()) // joined
		case 3:
			if at < len(b) {
				b[at] = byte(rnd.Intn(256))
			}
		case 4:
			if at < len(b) {
				b[at] ^= 1 << rnd.Intn(8)
			}
		}
	}
	return b
}
