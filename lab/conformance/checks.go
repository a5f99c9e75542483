package conformance

import (
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
)

// The levels of tests, each of which includes those before it.
const (
	Required    = "required"    // what containerd sends
	Recommended = "recommended" // everything else with one right answer
	Freedoms    = "freedoms"    // where the contract allows several answers
)

// Levels are all of them, in that order.
var Levels = []string{Required, Recommended, Freedoms}

// question is a payload of a test.
type question struct {
	level    string
	place    string   // the test's name is level/place, or level/place/element+element
	elements []string // that the payload is made of, if it is one of a walk
	payload  []byte
	want     contract.Outcome
}

// name returns the name of the test.
func (q question) name() string {
	name := q.level + "/" + q.place
	if len(q.elements) > 0 {
		name += "/" + strings.Join(q.elements, "+")
	}
	return strings.ReplaceAll(name, " ", "-")
}

// config is what of the checks is run.
type config struct {
	seed, checks int
	longest      int // sequence of elements, and string of bytes, that is walked
	subject      *subject
	cases        []corpus.Case
	grammar      *grammar.Grammar
}

// check is some tests of one level, or of Freedoms where a payload has several right answers.
type check struct {
	level     string
	questions iter.Seq[question]
}

// allChecks are those of a reader of Options of a type.
func allChecks(c *config) ([]check, error) {
	var err error
	if c.cases, err = corpus.Load(); err != nil {
		return nil, err
	}
	c.grammar = grammar.Of(c.subject.options)
	required := []iter.Seq[question]{c.corpus("recorded", isRecorded)}
	for _, kind := range c.plain() {
		required = append(required, c.draw("plain/"+kind.name, kind.generate))
	}
	recommended := []iter.Seq[question]{c.corpus("corpus", func(e corpus.Case) bool { return !isRecorded(e) })}
	for _, p := range c.properties() {
		recommended = append(recommended, c.draw(p.name, p.generate))
	}
	recommended = append(recommended, c.truncated())
	for _, place := range c.grammar.Contexts() {
		recommended = append(recommended, steps("walk/"+place.Name, c.grammar.Sentences(place, c.longest),
			elements))
	}
	recommended = append(recommended, steps("walk/bytes", grammar.Strings(c.longest), firstByte))
	if c.longest > 1 {
		recommended = append(recommended, sizes, steps("walk/params", c.grammar.Params(), elements),
			steps("walk/sizes", c.grammar.Sizes(), nothing), c.neighbours(), c.pairs())
	}
	var all []check
	for _, q := range required {
		all = append(all, check{Required, q})
	}
	for _, q := range recommended {
		all = append(all, check{Recommended, q})
	}
	return all, nil
}

func isRecorded(c corpus.Case) bool { return c.Origin != nil }

// corpus asks some cases, each a test of its own.
func (c *config) corpus(place string, include func(corpus.Case) bool) iter.Seq[question] {
	return func(yield func(question) bool) {
		for _, e := range c.cases {
			if include(e) && !yield(question{place: place, elements: []string{e.Name}, payload: e.Payload.Bytes}) {
				return
			}
		}
	}
}

// generator draws payloads.
type generator func(grammar.Rand) []grammar.Payload

func one(generate func(grammar.Rand) grammar.Payload) generator {
	return func(rnd grammar.Rand) []grammar.Payload { return []grammar.Payload{generate(rnd)} }
}

// draw asks what a generator draws, the same for a seed whatever else is asked.
func (c *config) draw(place string, generate generator) iter.Seq[question] {
	return func(yield func(question) bool) {
		h := fnv.New64()
		fmt.Fprint(h, c.seed, place)
		rnd := rand.New(rand.NewSource(int64(h.Sum64())))
		for range c.checks {
			for _, p := range generate(rnd) {
				if !yield(question{place: place, payload: p.Bytes}) {
					return
				}
			}
		}
	}
}

// plain are what containerd sends, in encodings that a standard encoder writes.
func (c *config) plain() []property {
	g := c.grammar
	return []property{
		{"none", one(func(grammar.Rand) grammar.Payload { return grammar.Payload{} })},
		{"legacy", one(func(rnd grammar.Rand) grammar.Payload { return g.Legacy(rnd, 0, g.Options(rnd)) })},
		{"bootstrap", one(func(rnd grammar.Rand) grammar.Payload { return g.Bootstrap(rnd, 0, g.Options(rnd)) })},
		{"bootstrap-none", one(func(rnd grammar.Rand) grammar.Payload { return g.Bootstrap(rnd, 0, nil) })},
		{"containerd-2.2", one(c.started("v2.2.9", "io.containerd.example.v1"))},
		{"containerd-2.4", one(c.started("v2.4.2", "io.containerd.example.v1"))},
		{"containerd-2.4-runhcs", one(c.started("v2.4.2", "containerd-shim-runhcs-v1"))},
		{"other-type", one(func(rnd grammar.Rand) grammar.Payload {
			return g.ForeignAs(c.otherName(rnd),
				c.encoded(rnd))
		})},
	}
}

// otherName draws the name of another type of Options.
func (c *config) otherName(rnd grammar.Rand) string {
	names := c.grammar.OtherNames()
	return names[rnd.Intn(len(names))]
}

// started draws what a containerd writes to a shim that it starts: with Options, without,
// or with options of another type.
func (c *config) started(version, shim string) func(grammar.Rand) grammar.Payload {
	return func(rnd grammar.Rand) grammar.Payload {
		d := grammar.Daemon{Version: version, TTRPC: "/run/containerd/containerd.sock.ttrpc",
			GRPC:   "/run/containerd/containerd.sock",
			Binary: "/usr/bin/containerd", Level: []int64{0, -4}[rnd.Intn(2)]}
		url, value := c.subject.name(), c.encoded(rnd)
		switch rnd.Intn(8) {
		case 0:
			url, value = "", nil
		case 1:
			url = c.otherName(rnd)
		}
		return grammar.Payload{Bytes: d.Start(shim, grammar.ID(rnd), grammar.Namespace(rnd), url, value)}
	}
}

// encoded draws Options as a standard encoder writes them.
func (c *config) encoded(rnd grammar.Rand) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.grammar.Options(rnd))
	if err != nil {
		panic(err) // what the generators draw is valid
	}
	return b
}

// property is a test of what a generator draws.
type property struct {
	name     string
	generate generator
}

func (c *config) properties() []property {
	g := c.grammar
	list := []property{{"equivalence/family", c.equivalent(0)}, {"equivalence/all",
		c.equivalent(grammar.AllVariations)}}
	for row := grammar.Variations(1); row&grammar.AllVariations != 0; row <<= 1 {
		list = append(list, property{"equivalence/" + grammar.VariationNames[row], c.equivalent(row)})
	}
	return append(list,
		property{"none", one(func(rnd grammar.Rand) grammar.Payload {
			return g.Bootstrap(rnd, grammar.AllVariations,
				nil)
		})},
		property{"valid", one(func(rnd grammar.Rand) grammar.Payload { return g.Valid(rnd, grammar.Ambient) })},
		property{"identities", one(func(rnd grammar.Rand) grammar.Payload {
			return g.Bootstrap(rnd, grammar.Ambient|grammar.Neighbours, g.Options(rnd))
		})},
		property{"minimal", one(g.Minimal)}, property{"foreign", one(g.Foreign)},
		property{"malformed", one(g.Malformed)}, property{"free", one(g.Free)}, property{"framed", one(g.Framed)},
		property{"any-bytes", one(func(rnd grammar.Rand) grammar.Payload {
			return grammar.Payload{Bytes: grammar.Changed(rnd, corpus.Payloads(c.cases))}
		})})
}

// equivalent draws Options in both families, plainly and with some variations.
func (c *config) equivalent(rows grammar.Variations) generator {
	return func(rnd grammar.Rand) []grammar.Payload {
		opts := c.grammar.Options(rnd)
		return []grammar.Payload{
			c.grammar.Legacy(rnd, 0, opts), c.grammar.Bootstrap(rnd, 0, opts),
			c.grammar.Legacy(rnd, rows, opts), c.grammar.Bootstrap(rnd, rows, opts),
		}
	}
}

// truncated cuts the cases that have Options at every byte.
func (c *config) truncated() iter.Seq[question] {
	return func(yield func(question) bool) {
		for _, e := range c.cases {
			if e.Size > 2000 || c.subject.want(e.Payload.Bytes).Kind != contract.Options {
				continue
			}
			for cut := range e.Payload.Bytes {
				if !yield(question{place: "truncated", elements: []string{e.Name}, payload: e.Payload.Bytes[:cut]}) {
					return
				}
			}
		}
	}
}

// sizes asks large payloads.
func sizes(yield func(question) bool) {
	for _, shape := range grammar.Shapes {
		for _, size := range []int{1 << 16, 1 << 20} {
			if !yield(question{place: "size/" + shape.Name, payload: shape.Make(size)}) {
				return
			}
		}
	}
	yield(question{place: "size/24-MiB", payload: grammar.Shapes[0].Make(24 << 20)})
}

// steps asks the steps of a walk. of names what a test of its own is made of.
func steps(place string, all iter.Seq[grammar.Sentence], of func(grammar.Sentence) []string) iter.Seq[question] {
	return func(yield func(question) bool) {
		for s := range all {
			if !yield(question{place: place, elements: of(s), payload: s.Bytes()}) {
				return
			}
		}
	}
}

func nothing(grammar.Sentence) []string { return nil }

func elements(s grammar.Sentence) []string {
	if len(s.Tokens) == 0 {
		return []string{"nothing"}
	}
	names := make([]string, len(s.Tokens))
	for i, e := range s.Tokens {
		names[i] = e.Name
	}
	return names
}

func firstByte(s grammar.Sentence) []string {
	if len(s.Payload) == 0 {
		return []string{"nothing"}
	}
	return []string{fmt.Sprintf("%02x", s.Payload[0])}
}

// neighbours asks the neighbours of the small cases.
func (c *config) neighbours() iter.Seq[question] {
	const small = 200 // bytes
	return func(yield func(question) bool) {
		for _, e := range c.cases {
			if e.Size > small {
				continue
			}
			for s := range grammar.Edits(e.Name, e.Payload.Bytes) {
				if !yield(question{place: "walk/neighbours", elements: []string{e.Name}, payload: s.Payload}) {
					return
				}
			}
		}
	}
}

// pairs asks one case of each class after each of the others: a reader must not keep
// state. A case that fails after all others fails by itself.
func (c *config) pairs() iter.Seq[question] {
	classOf := func(e corpus.Case) string {
		return e.Name[:strings.LastIndexByte(e.Name, '_')] + string(e.Outcome)
	}
	var first []corpus.Case
	for _, e := range c.cases {
		isOf := func(other corpus.Case) bool { return classOf(other) == classOf(e) }
		if !isRecorded(e) && e.Size <= 2000 && !slices.ContainsFunc(first, isOf) {
			first = append(first, e)
		}
	}
	return func(yield func(question) bool) {
		for _, a := range first {
			for _, b := range first {
				if !yield(question{place: "corpus", elements: []string{a.Name}, payload: a.Payload.Bytes}) ||
					!yield(question{place: "corpus", elements: []string{b.Name, "after " + a.Name},
						payload: b.Payload.Bytes}) {
					return
				}
			}
		}
	}
}

// isBootstrap reports which of the two messages a payload is.
func isBootstrap(b []byte) bool { return stdin.IsBootstrap(b) }
