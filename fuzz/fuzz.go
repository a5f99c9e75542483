// Package fuzz holds the fuzz targets: each turns a fuzzer's input into what a
// shim reads, and holds the answer of the hcsshim under test against the
// contract. None merely looks for panics.
//
// Run one with "go test -fuzz=FuzzReadOptions ./fuzz", all of them with "make
// fuzz". Every case of the corpus seeds every target, but with -fuzz only those in
// testdata/baseline.txt do. Package libfuzzer has the same targets for OSS-Fuzz.
package fuzz

import (
	"errors"

	gofuzzheaders "github.com/AdaLogics/go-fuzz-headers"
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/verify"
)

// readOptions holds the answer to arbitrary bytes against the reference's.
func readOptions(t verify.TB, parts ...[]byte) {
	t.Helper()
	b := parts[0]
	p := grammar.Payload{Bytes: b, Want: reference.Want(b), Description: "fuzzed bytes"}
	verify.Run(t, verify.UnderTest(), verify.Check{Guarantee: contract.GuaranteeOf(p.Want.Kind), Payload: p})
}

// legacy holds an Any in an unusual encoding to the answer that the reference
// gives to the same Any in its plain encoding.
func legacy(t verify.TB, parts ...[]byte) {
	t.Helper()
	typeURL, value, sequence := parts[0], parts[1], parts[2]
	want := reference.Want(grammar.PlainAny(string(typeURL), value))
	const variations = grammar.Order | grammar.Varint | grammar.Default | grammar.Unknown // keep what is overwritten
	b := generator.Any(choices(sequence), variations, string(typeURL), value)
	both(t, contract.Equivalent, grammar.Payload{Bytes: b, Want: want, Description: "legacy Any"})
}

// bootstrap holds BootstrapParams with any fields and neighbours around bytes
// that are to be Options to the answer that the reference gives without those.
func bootstrap(t verify.TB, parts ...[]byte) {
	t.Helper()
	opts, sequence := parts[0], parts[1]
	want := reference.Want(generator.ParamsAround(grammar.Lowest{}, 0, opts))
	b := generator.ParamsAround(choices(sequence), grammar.AllVariations, opts)
	both(t, contract.NonInterference, grammar.Payload{Bytes: b, Want: want, Description: "BootstrapParams"})
}

// equivalence encodes the same options once for each family and holds both to
// just these options.
func equivalence(t verify.TB, parts ...[]byte) {
	t.Helper()
	opts, one, two := parts[0], parts[1], parts[2]
	sent := decodedOr(opts, one)
	both(t, contract.Equivalent, generator.Encode(choices(one), grammar.AllVariations, grammar.Legacy, sent))
	both(t, contract.Equivalent, generator.Encode(choices(two), grammar.AllVariations, grammar.Bootstrap, sent))
}

// malformed encodes options, damages the result as the choices say, and holds
// the answer to an error.
func malformed(t verify.TB, parts ...[]byte) {
	t.Helper()
	opts, sequence := parts[0], parts[1]
	both(t, contract.MalformedFails, generator.Faulty(choices(sequence), decodedOr(opts, sequence)))
}

// readers delivers a payload as the script says. The script's first byte says
// whether the reader fails, and the second where.
func readers(t verify.TB, parts ...[]byte) {
	t.Helper()
	b, script := parts[0], parts[1]
	p := grammar.Payload{Bytes: b, Want: reference.Want(b), Description: "fuzzed bytes from a scripted reader"}
	check := verify.Check{Guarantee: contract.ReaderFaults, Payload: p}
	fails := len(script) > 1 && script[0]%2 == 1
	if fails {
		check.Payload.Want = contract.Outcome{Kind: contract.Read, Err: errReader}
	}
	for _, d := range decoders(t) {
		check.Reader = decoder.Scripted(b, script)
		if fails {
			check.Reader = decoder.Failing(b, len(b)*int(script[1])/255, script, errReader)
		}
		verify.Run(t, d, check)
	}
}

// createOptions holds the answers to arbitrary bytes as CreateTaskRequest.Options
// against the reference's.
func createOptions(t verify.TB, parts ...[]byte) {
	t.Helper()
	b := parts[0]
	want := reference.RunHCS.Want(contract.Create, b)
	p := grammar.Payload{Bytes: b, Input: contract.Create, Want: want, Description: "fuzzed bytes"}
	for _, d := range verify.Creates() {
		verify.Run(t, d, verify.Check{Guarantee: contract.GuaranteeOf(p.Want.Kind), Payload: p})
	}
}

// generator makes payloads of the inputs.
var generator = grammar.RunHCS.Small()

var errReader = errors.New("the reader failed")

// decoders are those that a payload is given to whose outcome is known: the reference's,
// too, but under libFuzzer, where it would take a third of the time from the one under test.
func decoders(t verify.TB) []decoder.Decoder {
	if _, ok := t.(interface{ UnderTestAlone() }); ok {
		return []decoder.Decoder{verify.UnderTest()}
	}
	return verify.DecodersOf(contract.Stdin)
}

// both checks a payload whose outcome is known from how it was built on both
// decoders.
func both(t verify.TB, g contract.Guarantee, p grammar.Payload) {
	t.Helper()
	for _, d := range decoders(t) {
		verify.Run(t, d, verify.Check{Guarantee: g, Payload: p})
	}
}

// decodedOr decodes opts as Options, or draws some if they do not decode. The
// result has no unknown fields, because those are not sent.
func decodedOr(opts, sequence []byte) proto.Message {
	m := new(options.Options)
	if (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(opts, m) != nil {
		return generator.Options(choices(sequence))
	}
	return m
}

// choiceSequence makes a generator's choices from a fuzzer's input. Once that is used up it
// chooses 0, so each input is a whole payload.
type choiceSequence struct{ input *gofuzzheaders.ConsumeFuzzer }

func choices(b []byte) grammar.Rand { return choiceSequence{gofuzzheaders.NewConsumer(b)} }

func (s choiceSequence) Intn(n int) int {
	if n <= 256 {
		v, _ := s.input.GetInt() // of one byte
		return v % n
	}
	v, _ := s.input.GetUint32()
	return int(v % uint32(n))
}

func (s choiceSequence) Uint64() uint64 {
	v, _ := s.input.GetUint64()
	return v
}
