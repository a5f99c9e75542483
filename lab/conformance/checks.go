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

// name is the full name of the Options.
func (r *run) name() string { return string(r.options.Descriptor().FullName()) }

// allChecks are those of a reader of Options of a type.
func (r *run) allChecks() (all []check) {
	add := func(level string, questions ...iter.Seq[question]) {
		for _, q := range questions {
			all = append(all, check{level, q})
		}
	}
	add(Required, r.ofCases("recorded", whole(true)))
	plain := r.plain()
	for _, name := range slices.Sorted(maps.Keys(plain)) {
		add(Required, r.draw("plain/"+name, one(plain[name])))
	}
	add(Recommended, r.ofCases("corpus", whole(false)))
	for _, p := range r.grammar.Properties() {
		add(Recommended, r.draw(p.Name, p.Draw))
	}
	add(Recommended, r.draw("any-bytes", one(r.anyBytes)), r.ofCases("truncated", r.cuts))
	for _, place := range r.grammar.Contexts() {
		add(Recommended, sentences("walk/"+place.Name, r.grammar.Sentences(place, r.Longest), names))
	}
	add(Recommended, sentences("walk/bytes", grammar.Strings(r.Longest), names))
	if r.Longest > 1 {
		inOne := func(grammar.Sentence) []string { return nil }
		add(Recommended, sentences("walk/params", r.grammar.Params(), names),
			sentences("walk/sizes", r.grammar.Sizes(), inOne), r.ofCases("walk/neighbours", edits), r.pairs)
	}
	if r.Payloads > 0 {
		add(Recommended, r.mutated)
	} else if r.Longest > 1 {
		add(Recommended, sizes)
	}
	return all
}

// ofCases asks payloads that are made of the cases, those of each case in a test of its own.
func (r *run) ofCases(place string, payloads func(corpus.Case) [][]byte) iter.Seq[question] {
	ids := caseIDs(r.grammar)
	return func(yield func(question) bool) {
		for _, e := range r.cases {
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
	return func(e corpus.Case) (one [][]byte) {
		if recorded == (e.Origin != nil) {
			one = append(one, e.Payload.Bytes)
		}
		return one
	}
}

// cuts are a case with Options, cut at every byte.
func (r *run) cuts(e corpus.Case) (all [][]byte) {
	if e.Size > 2000 || r.want(e.Payload.Bytes).Kind != contract.Options {
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
func (r *run) draw(place string, draw func(grammar.Rand) []grammar.Payload) iter.Seq[question] {
	ids := caseIDs(r.grammar)(place)
	return func(yield func(question) bool) {
		h := fnv.New64()
		fmt.Fprint(h, r.Seed, place)
		rnd := rand.New(rand.NewSource(int64(h.Sum64())))
		for range r.Checks {
			for _, p := range draw(rnd) {
				if !yield(question{place: place, ids: ids, payload: p.Bytes}) {
					return
				}
			}
		}
	}
}

// plain are what containerd sends, in encodings that a standard encoder writes.
func (r *run) plain() map[string]func(grammar.Rand) grammar.Payload {
	g := r.grammar
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
		"containerd-2.2":        r.started("v2.2.9", "io.containerd.example.v1"),
		"containerd-2.4":        r.started("v2.4.2", "io.containerd.example.v1"),
		"containerd-2.4-runhcs": r.started("v2.4.2", "containerd-shim-runhcs-v1"),
		"other-type": func(rnd grammar.Rand) grammar.Payload {
			return g.ForeignAs(rnd, 0, r.otherName(rnd), r.encoded(rnd))
		},
	}
}

// otherName draws the name of another type of Options.
func (r *run) otherName(rnd grammar.Rand) string {
	return r.grammar.OtherNames[rnd.Intn(len(r.grammar.OtherNames))]
}

// started draws what a containerd writes to a shim that it starts: with Options, without,
// or with options of another type.
func (r *run) started(version, shim string) func(grammar.Rand) grammar.Payload {
	return func(rnd grammar.Rand) grammar.Payload {
		p := &bootstrap.BootstrapParams{InstanceID: grammar.ID(rnd), Namespace: grammar.Namespace(rnd),
			ContainerdVersion: version, ContainerdTtrpcAddress: "/run/containerd/containerd.sock.ttrpc",
			ContainerdGrpcAddress: "/run/containerd/containerd.sock", ContainerdBinary: "/usr/bin/containerd",
			LogLevel: []bootstrap.LogLevel{0, -4}[rnd.Intn(2)]}
		url, value := r.name(), r.encoded(rnd)
		switch rnd.Intn(8) {
		case 0:
			url, value = "", nil
		case 1:
			url = r.otherName(rnd)
		}
		return grammar.Payload{Bytes: grammar.Start(shim, p, url, value)}
	}
}

// encoded draws Options as a standard encoder writes them.
func (r *run) encoded(rnd grammar.Rand) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r.grammar.Options(rnd))
	if err != nil {
		panic(err) // what the generators draw is valid
	}
	return b
}

func (r *run) anyBytes(rnd grammar.Rand) grammar.Payload {
	return grammar.Payload{Bytes: grammar.Changed(rnd, corpus.Payloads(r.cases))}
}

// mutated asks payloads that are made of others.
func (r *run) mutated(yield func(question) bool) {
	m := differential.NewMutator(int64(r.Seed), r.cases)
	for range r.Payloads {
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
func (r *run) pairs(yield func(question) bool) {
	seen := make(map[string]bool)
	var first []corpus.Case
	for _, e := range r.cases {
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
