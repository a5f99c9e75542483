package conformance

import (
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"math/rand"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/settings"
	"shimfuzz/lab/conformance/differential"
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
	elements []string // that the payload is made of, if it is one of an enumeration
	ids      string   // of docs/contract.md that these are examples of, separated by spaces
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
	*settings.Conformance
	subject *subject
	cases   []corpus.Case
	grammar *grammar.Grammar
}

// check is some tests of one level, or of Freedoms where a payload has several right answers.
type check struct {
	level     string
	questions iter.Seq[question]
}

// allChecks are those of a reader of Options of a type.
func allChecks(c *config) (all []check, err error) {
	if c.cases, err = corpus.Load(); err != nil {
		return nil, err
	}
	c.grammar = grammar.Of(c.subject.options)
	add := func(level string, questions ...iter.Seq[question]) {
		for _, q := range questions {
			all = append(all, check{level, q})
		}
	}
	add(Required, c.corpus("recorded", isRecorded))
	plain := c.plain()
	for _, name := range slices.Sorted(maps.Keys(plain)) {
		add(Required, c.draw("plain/"+name, one(plain[name])))
	}
	add(Recommended, c.corpus("corpus", func(e corpus.Case) bool { return !isRecorded(e) }))
	for _, p := range c.grammar.Properties() {
		add(Recommended, c.draw(p.Name, p.Draw))
	}
	add(Recommended, c.draw("any-bytes", one(c.anyBytes)), c.truncated)
	for _, place := range c.grammar.Contexts() {
		add(Recommended, sentences("walk/"+place.Name, c.grammar.Sentences(place, c.Longest), tokens))
	}
	add(Recommended, sentences("walk/bytes", grammar.Strings(c.Longest), firstByte))
	if c.Longest > 1 {
		add(Recommended, sizes, sentences("walk/params", c.grammar.Params(), tokens),
			sentences("walk/sizes", c.grammar.Sizes(), nothing), c.neighbours, c.pairs)
	}
	add(Recommended, c.mutated)
	return all, nil
}

func isRecorded(c corpus.Case) bool { return c.Origin != nil }

// corpus asks some cases, each a test of its own.
func (c *config) corpus(place string, include func(corpus.Case) bool) iter.Seq[question] {
	ids := caseIDs(c.grammar)
	return func(yield func(question) bool) {
		for _, e := range c.cases {
			if include(e) && !yield(question{place: place, elements: []string{e.Name}, ids: ids(e.Name),
				payload: e.Payload.Bytes}) {
				return
			}
		}
	}
}

// one draws one payload at a time.
func one(draw func(grammar.Rand) grammar.Payload) func(grammar.Rand) []grammar.Payload {
	return func(rnd grammar.Rand) []grammar.Payload { return []grammar.Payload{draw(rnd)} }
}

// draw asks what is drawn, the same for a seed whatever else is asked.
func (c *config) draw(place string, draw func(grammar.Rand) []grammar.Payload) iter.Seq[question] {
	row, _ := strings.CutPrefix(place, "equivalence/") // which is an id itself
	if row == place {
		row = ""
	}
	return func(yield func(question) bool) {
		h := fnv.New64()
		fmt.Fprint(h, c.Seed, place)
		rnd := rand.New(rand.NewSource(int64(h.Sum64())))
		for range c.Checks {
			for _, p := range draw(rnd) {
				if !yield(question{place: place, ids: row, payload: p.Bytes}) {
					return
				}
			}
		}
	}
}

// plain are what containerd sends, in encodings that a standard encoder writes.
func (c *config) plain() map[string]func(grammar.Rand) grammar.Payload {
	g := c.grammar
	return map[string]func(grammar.Rand) grammar.Payload{
		"none":                  func(grammar.Rand) grammar.Payload { return grammar.Payload{} },
		"legacy":                func(rnd grammar.Rand) grammar.Payload { return g.Legacy(rnd, 0, g.Options(rnd)) },
		"bootstrap":             func(rnd grammar.Rand) grammar.Payload { return g.Bootstrap(rnd, 0, g.Options(rnd)) },
		"bootstrap-none":        func(rnd grammar.Rand) grammar.Payload { return g.Bootstrap(rnd, 0, nil) },
		"containerd-2.2":        c.started("v2.2.9", "io.containerd.example.v1"),
		"containerd-2.4":        c.started("v2.4.2", "io.containerd.example.v1"),
		"containerd-2.4-runhcs": c.started("v2.4.2", "containerd-shim-runhcs-v1"),
		"other-type":            func(rnd grammar.Rand) grammar.Payload { return g.ForeignAs(c.otherName(rnd), c.encoded(rnd)) },
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

func (c *config) anyBytes(rnd grammar.Rand) grammar.Payload {
	return grammar.Payload{Bytes: grammar.Changed(rnd, corpus.Payloads(c.cases))}
}

// mutated asks payloads that are made of others.
func (c *config) mutated(yield func(question) bool) {
	if c.Payloads == 0 {
		return
	}
	m := differential.NewMutator(int64(c.Seed), c.cases)
	for range c.Payloads {
		if !yield(question{place: "mutated", payload: m.Next()}) {
			return
		}
	}
}

// truncated cuts the cases that have Options at every byte.
func (c *config) truncated(yield func(question) bool) {
	for _, e := range c.cases {
		if e.Size > 2000 || c.subject.want(e.Payload.Bytes).Kind != contract.Options {
			continue
		}
		for cut := range e.Payload.Bytes {
			if !yield(question{place: "truncated", elements: []string{e.Name}, ids: "M1",
				payload: e.Payload.Bytes[:cut]}) {
				return
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

// sentences asks the payloads of an enumeration. of names what a test of its own is made of.
func sentences(place string, all iter.Seq[grammar.Sentence], of func(grammar.Sentence) []string) iter.Seq[question] {
	return func(yield func(question) bool) {
		for s := range all {
			q := question{place: place, elements: of(s), payload: s.Bytes()}
			for _, t := range s.Tokens {
				q.ids += " " + t.Rules
			}
			if !yield(q) {
				return
			}
		}
	}
}

func nothing(grammar.Sentence) []string { return nil }

func tokens(s grammar.Sentence) []string {
	if len(s.Tokens) == 0 {
		return []string{"nothing"}
	}
	names := make([]string, len(s.Tokens))
	for i, t := range s.Tokens {
		names[i] = t.Name
	}
	return names
}

func firstByte(s grammar.Sentence) []string {
	if len(s.Payload) == 0 {
		return []string{"nothing"}
	}
	return []string{fmt.Sprintf("%02x", s.Payload[0])}
}

// neighbours asks every single edit of the small cases.
func (c *config) neighbours(yield func(question) bool) {
	const small = 200 // bytes
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

// pairs asks one case of each class after each of the others: a reader must not keep
// state. A case that fails after all others fails by itself.
func (c *config) pairs(yield func(question) bool) {
	seen := make(map[string]bool)
	var first []corpus.Case
	for _, e := range c.cases {
		class := e.Name[:strings.LastIndexByte(e.Name, '_')] + string(e.Outcome)
		if !isRecorded(e) && e.Size <= 2000 && !seen[class] {
			seen[class] = true
			first = append(first, e)
		}
	}
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

// caseIDs returns what gives the ids of a case of the corpus, whose name ends with that of
// a token, or has that of an equivalence in it.
func caseIDs(g *grammar.Grammar) func(name string) string {
	ids := map[string]string{"truncated": "M1"}
	for _, row := range grammar.VariationNames {
		ids[row] = row
	}
	all := slices.Concat(g.Faults(grammar.Legacy), g.Faults(grammar.Bootstrap))
	for _, place := range g.Contexts() {
		all = append(all, g.Tokens(place.Level)...)
	}
	for _, t := range all {
		if t.Rules != "" {
			ids[strings.NewReplacer(",", "", " ", "-").Replace(t.Name)] = t.Rules
		}
	}
	return func(name string) (found string) {
		for part := range strings.SplitSeq(name, "_") {
			found += " " + ids[part]
		}
		return found
	}
}
