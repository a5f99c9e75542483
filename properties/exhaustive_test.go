package properties

import (
	"bytes"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
)

// Every sequence of tokens of every level, up to two in a row, and up to three in
// go test -exhaustive. What is right follows from the tokens, and the reference is held
// to that as the decoder under test is.
func TestWalkTokens(t *testing.T) {
	for _, place := range grammar.RunHCS.Contexts() {
		t.Run(place.Name, func(t *testing.T) {
			for _, in := range contract.Inputs {
				if in == contract.Create && !place.IsAny() {
					continue
				}
				walkAll(t, in, walked(in), grammar.RunHCS.Sentences(place, longest(in)))
			}
		})
	}
}

// longest is how many tokens in a row are walked. What decodes CreateTaskRequest.Options
// has no families to tell apart, and decodes an Any as readOptions does: three would take
// as long again.
func longest(in contract.Input) int {
	if *exhaustive && in == contract.Stdin {
		return 3
	}
	return 2
}

// Every combination of the fields of BootstrapParams: each absent, as containerd sets it,
// empty, and with the same text as the others.
func TestWalkFields(t *testing.T) {
	walkAll(t, contract.Stdin, walked(contract.Stdin), grammar.RunHCS.Params())
}

// Every text at every place of one.
func TestWalkTexts(t *testing.T) { walkAny(t, grammar.RunHCS.AllTexts()) }

// Every size, and characters, tags, lengths and values across each power of two.
func TestWalkSizes(t *testing.T) { walkAny(t, grammar.RunHCS.Sizes()) }

// 100,001 of everything that there can be many of.
func TestWalkMany(t *testing.T) { walkAny(t, grammar.RunHCS.Many()) }

// Every message in three pieces, cut at every two bytes.
func TestWalkPieces(t *testing.T) { walkAny(t, grammar.RunHCS.Pieces()) }

// walkAny walks payloads of either family. Those that are an Any are one of every input.
func walkAny(t *testing.T, steps iter.Seq[grammar.Sentence]) {
	for _, in := range contract.Inputs {
		walkAll(t, in, walked(in), func(yield func(grammar.Sentence) bool) {
			for s := range steps {
				if (in == contract.Stdin || s.IsAny()) && !yield(s) {
					return
				}
			}
		})
	}
}

// Every value that the hcsshim under test names, and what is near to it, in every place: a
// special case for one shows.
func TestWalkConstants(t *testing.T) {
	taken := hcsshim.Current().Constants
	t.Logf("%d words and %d numbers of hcsshim, %d names of messages", len(taken.Words), len(taken.Numbers),
		len(grammar.RegisteredNames()))
	walkAny(t, grammar.RunHCS.Constants(taken.Words, taken.Numbers))
}

// Every string of up to two bytes, and of three in go test -exhaustive.
func TestWalkBytes(t *testing.T) {
	for _, in := range contract.Inputs {
		walkAll(t, in, underTest(in), grammar.Strings(longest(in)))
	}
}

// Every neighbour of every small case of the corpus, but for those that differ from others in
// a value or a fault alone: a bit changed, a byte left out, a byte doubled, the end cut off.
func TestWalkNeighbours(t *testing.T) {
	small := 200
	if *exhaustive {
		small = 600
	}
	for _, in := range contract.Inputs {
		cases := slices.DeleteFunc(casesFor(t, in), func(c corpus.Case) bool { return c.Size > small || c.IsVaried() })
		walkAll(t, in, underTest(in), func(yield func(grammar.Sentence) bool) {
			seen := make(map[uint64]bool)
			for _, c := range cases {
				for _, s := range grammar.Edits(c.Name, c.Payload.Bytes, seen) {
					if !yield(s) {
						return
					}
				}
			}
		})
	}
}

// casesFor are the cases of the corpus that an input can have: of Create those that
// are an Any.
func casesFor(t *testing.T, in contract.Input) []corpus.Case {
	t.Helper()
	return slices.DeleteFunc(load(t), func(c corpus.Case) bool {
		return in == contract.Create && stdin.IsBootstrap(c.Payload.Bytes)
	})
}

// underTest are the decoders of an input that are under test, if they are to be tested:
// the reference would be its own judge.
func underTest(in contract.Input) []decoder.Decoder {
	return slices.DeleteFunc(verify.DecodersOf(in), verify.IsReference)
}

// walked are those of underTest, or the reference's if there are none: a walk asks the reference
// about each payload, and need not do it twice.
func walked(in contract.Input) []decoder.Decoder {
	if decoders := underTest(in); len(decoders) > 0 {
		return decoders
	}
	return verify.DecodersOf(in)
}

// After any payload of the corpus's classes any other gets its right answer, and the
// answer to the first stays what it was.
func TestWalkPairs(t *testing.T) {
	for _, d := range verify.Decoders() {
		var classes []grammar.Payload
		seen := make(map[string]bool)
		for _, c := range casesFor(t, d.Input) {
			class := c.Name[:strings.LastIndexByte(c.Name, '_')] + string(c.Outcome)
			if !seen[class] && c.Size <= 2000 {
				seen[class] = true
				classes = append(classes, verify.For(d, c.Payload))
			}
		}
		for _, first := range classes {
			afterEach(t, d, first, classes)
		}
	}
}

// afterEach decodes a payload before each of the others. All answers are looked at in the
// end, so one that a later call changes is found, too.
func afterEach(t *testing.T, d decoder.Decoder, first grammar.Payload, others []grammar.Payload) {
	t.Helper()
	var answers []contract.Outcome
	var checks []verify.Check
	for _, second := range others {
		second.Description += ", after " + first.Description
		for _, p := range []grammar.Payload{first, second} {
			answers = append(answers, decode(d, p.Bytes))
			checks = append(checks, verify.Check{Guarantee: contract.NoSharing, Payload: p})
		}
	}
	for i, got := range answers {
		if v := checks[i].Judge(d, got); v.Fails() {
			t.Fatalf("%s", checks[i].Report(t, d, v, got))
		}
	}
	enumerated.Add(int64(len(answers)))
}

// Every way to cut a short payload into reads, with and without an error at each place;
// and a longer one in up to three reads.
func TestWalkReads(t *testing.T) {
	short := []grammar.Payload{
		{Bytes: []byte("\"\x042.3.2\x042.4."), Want: grammar.Sent(nil), Description: "BootstrapParams of 12 bytes"},
		{Bytes: []byte("\n\x03a/b\x12\x05valu"), Want: contract.Outcome{Kind: contract.Malformed},
			Description: "a damaged payload of 12 bytes"},
	}
	long := grammar.WithIdentity("web-1", "k8s.io", grammar.OneOption())
	for _, d := range verify.DecodersOf(contract.Stdin) {
		for _, p := range short {
			for at := range len(p.Bytes) + 1 {
				for reads := range compositions(at) {
					fails(t, d, p, at, reads)
					if at == len(p.Bytes) {
						ends(t, d, p, reads)
					}
				}
			}
		}
		for i := 1; i < len(long.Bytes); i++ {
			for j := i; j <= len(long.Bytes); j++ {
				fails(t, d, long, j, []int{i, j - i})
				ends(t, d, long, []int{i, j - i, len(long.Bytes) - j})
			}
		}
	}
}

// emptyReads are runs of reads that deliver nothing, up to the longest that readers such as
// bufio's take for no error.
var emptyReads = []int{0, 1, 2, 3, 4, 5, 9, 10, 11, 49, 50, 51, 98, 99}

// A run of empty reads is no end: at the start, between reads, before the end and before an
// error, and before each of these.
func TestEmptyReads(t *testing.T) {
	for _, d := range verify.DecodersOf(contract.Stdin) {
		for _, p := range plain(t) {
			for _, reads := range [][]int{{len(p.Bytes), 1}, {1, 1, 20, len(p.Bytes) - 22, 1}} { // the last is the end
				full := scriptOf(reads, decoder.Alone)
				for before := -1; before < len(full); before++ {
					for _, n := range emptyReads {
						afterEmptyReads(t, d, p, withEmptyReads(full, n, before))
					}
				}
			}
		}
	}
}

// afterEmptyReads delivers a payload as a script says, and up to somewhere with an error.
func afterEmptyReads(t *testing.T, d decoder.Decoder, p grammar.Payload, script []byte) {
	t.Helper()
	check := verify.Check{Guarantee: contract.ReaderFaults, Payload: p}
	check.Reader = decoder.Scripted(p.Bytes, script)
	verify.Run(t, d, check)
	check.Payload.Want = contract.Outcome{Kind: contract.Read, Err: errDisk}
	for _, at := range []int{0, 1, 22, len(p.Bytes)} {
		check.Reader = decoder.Failing(p.Bytes, at, script, errDisk)
		verify.Run(t, d, check)
	}
	enumerated.Add(5)
}

// scriptOf is the script that delivers bytes in reads of these lengths, the end as flag says.
func scriptOf(reads []int, flag byte) (script []byte) {
	for _, n := range reads {
		for ; n > 0; n -= decoder.MostRead {
			script = append(script, byte(min(n, decoder.MostRead)-1)|flag)
		}
	}
	return script
}

// withEmptyReads is the script with n reads of nothing before one of its reads, or before each if
// that is -1.
func withEmptyReads(script []byte, n, before int) (with []byte) {
	for i, b := range script {
		if i == before || before < 0 {
			with = append(with, bytes.Repeat([]byte{decoder.Empty}, n)...)
		}
		with = append(with, b)
	}
	return with
}

// compositions yields every way to write n as a sum.
func compositions(n int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		if n == 0 {
			yield(nil)
			return
		}
		for cuts := range 1 << (n - 1) {
			parts := []int{1}
			for at := range n - 1 {
				if cuts>>at&1 == 1 {
					parts = append(parts, 1)
				} else {
					parts[len(parts)-1]++
				}
			}
			if !yield(parts) {
				return
			}
		}
	}
}

// fails delivers a payload up to an offset and then fails, with each error, after the last
// bytes or together with them.
func fails(t *testing.T, d decoder.Decoder, p grammar.Payload, at int, reads []int) {
	t.Helper()
	for _, cause := range readErrors {
		p.Want = contract.Outcome{Kind: contract.Read, Err: cause}
		for _, flag := range []byte{decoder.Alone, decoder.Together} {
			r := decoder.Failing(p.Bytes, at, scriptOf(reads, flag), cause)
			verify.Run(t, d, verify.Check{Guarantee: contract.ReaderFaults, Payload: p, Reader: r})
			enumerated.Add(1)
		}
	}
}

// ends delivers a payload whole, with its end after the last bytes or together with them,
// and with an empty read before each.
func ends(t *testing.T, d decoder.Decoder, p grammar.Payload, reads []int) {
	t.Helper()
	for _, flag := range []byte{decoder.Alone, decoder.Together} {
		full := scriptOf(reads, flag)
		for _, script := range [][]byte{full, withEmptyReads(full, 1, -1)} {
			verify.Run(t, d, verify.Check{Guarantee: contract.ReaderFaults, Payload: p,
				Reader: decoder.Scripted(p.Bytes, script)})
			enumerated.Add(1)
		}
	}
}

// walkAll holds decoders of an input to the right answers to many payloads.
func walkAll(t *testing.T, in contract.Input, decoders []decoder.Decoder, steps iter.Seq[grammar.Sentence]) {
	t.Helper()
	if len(decoders) == 0 {
		return
	}
	(&walker{t: t, input: in, decoders: decoders, told: time.Now()}).all(steps)
}
