package conformance

import (
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"math/rand"
	"slices"
	"strings"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
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
	level   string
	place   string   // the test's name is level/place, or level/place/token+token
	tokens  []string // that the payload is made of, if it is one of an enumeration
	ids     string   // of docs/contract.md that these are examples of, separated by spaces
	payload []byte
}

// name returns the name of the test.
func (q question) name() string {
	name := q.level + "/" + q.place
	if len(q.tokens) > 0 {
		name += "/" + strings.Join(q.tokens, "+")
	}
	return strings.ReplaceAll(name, " ", "-")
}

// check is some tests of one level, or of Freedoms where a payload has several right answers.
type check struct {
	level     string
	questions iter.Seq[question]
}

// config is what payloads are made of.
type config struct {
	*run
	cases   []corpus.Case
	grammar *grammar.Grammar
}

func (r *run) config() (*config, error) {
	cases, err := corpus.Load()
	return &config{r, cases, grammar.Of(r.options)}, err
}

// name is the full name of the Options.
func (r *run) name() string { return string(r.options.Descriptor().FullName()) }

// allChecks are those of a reader of Options of a type.
func (r *run) allChecks() (all []check, err error) {
	c, err := r.config()
	if err != nil {
		return nil, err
	}
	add := func(level string, questions ...iter.Seq[question]) {
		for _, q := range questions {
			all = append(all, check{level, q})
		}
	}
	add(Required, c.ofCases("recorded", whole(true)))
	plain := c.plain()
	for _, name := range slices.Sorted(maps.Keys(plain)) {
		add(Required, c.draw("plain/"+name, one(plain[name])))
	}
	add(Recommended, c.ofCases("corpus", whole(false)))
	for _, p := range c.grammar.Properties() {
		add(Recommended, c.draw(p.Name, p.Draw))
	}
	add(Recommended, c.draw("any-bytes", one(c.anyBytes)), c.ofCases("truncated", c.cuts))
	for _, place := range c.grammar.Contexts() {
		add(Recommended, sentences("walk/"+place.Name, c.grammar.Sentences(place, c.Longest), names))
	}
	add(Recommended, sentences("walk/bytes", grammar.Strings(c.Longest), names))
	if c.Longest > 1 {
		inOne := func(grammar.Sentence) []string { return nil }
		add(Recommended, sentences("walk/params", c.grammar.Params(), names),
			sentences("walk/sizes", c.grammar.Sizes(), inOne), c.ofCases("walk/neighbours", edits), c.pairs)
	}
	if c.Payloads > 0 {
		add(Recommended, c.mutated)
	} else if c.Longest > 1 {
		add(Recommended, sizes)
	}
	return all, nil
}

// ofCases asks payloads that are made of the cases, those of each case in a test of its own.
func (c *config) ofCases(place string, payloads func(corpus.Case) [][]byte) iter.Seq[question] {
	ids := caseIDs(c.grammar)
	return func(yield func(question) bool) {
		for _, e := range c.cases {
			for _, b := range payloads(e) {
				if !yield(question{place: place, tokens: []string{e.Name}, ids: ids(e.Name), payload: b}) {
					return
				}
			}
		}
	}
}

// whole are the recorded cases, or the others, as they are.
func whole(recorded bool) func(corpus.Case) [][]byte {
	return func(e corpus.Case) [][]byte {
		if (e.Origin != nil) != recorded {
			return nil
		}
		return [][]byte{e.Payload.Bytes}
	}
}

// cuts are a case with Options, cut at every byte.
func (c *config) cuts(e corpus.Case) (all [][]byte) {
	if e.Size > 2000 || c.want(e.Payload.Bytes).Kind != contract.Options {
		return nil
	}
	for cut := range e.Payload.Bytes {
		all = append(all, e.Payload.Bytes[:cut])
	}
	return all
}

// edits are every single edit of a small case.
func edits(e corpus.Case) (all [][]byte) {
	const small = 200 // bytes
	if e.Size > small {
		return nil
	}
	for _, s := range grammar.Edits(e.Name, e.Payload.Bytes) {
		all = append(all, s.Bytes())
	}
	return all
}

// one draws one payload at a time.
func one(draw func(grammar.Rand) grammar.Payload) func(grammar.Rand) []grammar.Payload {
	return func(rnd grammar.Rand) []grammar.Payload { return []grammar.Payload{draw(rnd)} }
}

// draw asks what is drawn, the same for a seed whatever else is asked.
func (c *config) draw(place string, draw func(grammar.Rand) []grammar.Payload) iter.Seq[question] {
	ids := caseIDs(c.grammar)(place)
	return func(yield func(question) bool) {
		h := fnv.New64()
		fmt.Fprint(h, c.Seed, place)
		rnd := rand.New(rand.NewSource(int64(h.Sum64())))
		for range c.Checks {
			for _, p := range draw(rnd) {
				if !yield(question{place: place, ids: ids, payload: p.Bytes}) {
					return
				}
			}
		}
	}
}

// plain are what containerd sends, in encodings that a standard encoder writes.
func (c *config) plain() map[string]func(grammar.Rand) grammar.Payload {
	g := c.grammar
	with := func(family grammar.Level) func(grammar.Rand) grammar.Payload {
		return func(rnd grammar.Rand) grammar.Payload { return g.Encode(rnd, 0, family, g.Options(rnd)) }
	}
	return map[string]func(grammar.Rand) grammar.Payload{
		"none":      func(grammar.Rand) grammar.Payload { return grammar.Payload{} },
		"legacy":    with(grammar.Legacy),
		"bootstrap": with(grammar.Bootstrap),
		"bootstrap-none": func(rnd grammar.Rand) grammar.Payload {
			return g.Encode(rnd, 0, grammar.Bootstrap, nil)
		},
		"containerd-2.2":        c.started("v2.2.9", "io.containerd.example.v1"),
		"containerd-2.4":        c.started("v2.4.2", "io.containerd.example.v1"),
		"containerd-2.4-runhcs": c.started("v2.4.2", "containerd-shim-runhcs-v1"),
		"other-type": func(rnd grammar.Rand) grammar.Payload {
			return g.ForeignAs(rnd, 0, c.otherName(rnd), c.encoded(rnd))
		},
	}
}

// otherName draws the name of another type of Options.
func (c *config) otherName(rnd grammar.Rand) string {
	names := c.grammar.OtherNames
	return names[rnd.Intn(len(names))]
}

// started draws what a containerd writes to a shim that it starts: with Options, without,
// or with options of another type.
func (c *config) started(version, shim string) func(grammar.Rand) grammar.Payload {
	return func(rnd grammar.Rand) grammar.Payload {
		p := &bootstrap.BootstrapParams{InstanceID: grammar.ID(rnd), Namespace: grammar.Namespace(rnd),
			ContainerdVersion: version, ContainerdTtrpcAddress: "/run/containerd/containerd.sock.ttrpc",
			ContainerdGrpcAddress: "/run/containerd/containerd.sock", ContainerdBinary: "/usr/bin/containerd",
			LogLevel: []bootstrap.LogLevel{0, -4}[rnd.Intn(2)]}
		url, value := c.name(), c.encoded(rnd)
		switch rnd.Intn(8) {
		case 0:
			url, value = "", nil
		case 1:
			url = c.otherName(rnd)
		}
		return grammar.Payload{Bytes: grammar.Start(shim, p, url, value)}
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
	m := differential.NewMutator(int64(c.Seed), c.cases)
	for range c.Payloads {
		if !yield(question{place: "mutated", payload: m.Next()}) {
			return
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
			q := question{place: place, tokens: of(s), payload: s.Bytes()}
			for _, t := range s.Tokens {
				q.ids += " " + t.Rules
			}
			if !yield(q) {
				return
			}
		}
	}
}

// names are those of the tokens of a sentence, or the first of any bytes.
func names(s grammar.Sentence) (all []string) {
	for _, t := range s.Tokens {
		all = append(all, t.Name)
	}
	switch b := s.Bytes(); {
	case len(all) > 0:
		return all
	case s.Tokens == nil && len(b) > 0:
		return []string{fmt.Sprintf("%02x", b[0])}
	}
	return []string{"nothing"}
}

// pairs asks one case of each class after each of the others: a reader must not keep
// state. A case that fails after all others fails by itself.
func (c *config) pairs(yield func(question) bool) {
	seen := make(map[string]bool)
	var first []corpus.Case
	for _, e := range c.cases {
		class := e.Name[:strings.LastIndexByte(e.Name, '_')] + string(e.Outcome)
		if e.Origin == nil && e.Size <= 2000 && !seen[class] {
			seen[class] = true
			first = append(first, e)
		}
	}
	for _, a := range first {
		for _, b := range first {
			if !yield(question{place: "corpus", tokens: []string{a.Name}, payload: a.Payload.Bytes}) ||
				!yield(question{place: "corpus", tokens: []string{b.Name, "after " + a.Name},
					payload: b.Payload.Bytes}) {
				return
			}
		}
	}
}

// caseIDs returns what gives the ids of a case of the corpus, whose name ends with that of
// a token, or of what is named after an equivalence.
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
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '/' }) {
			found += " " + ids[part]
		}
		return found
	}
}
