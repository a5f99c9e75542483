package conformance

import (
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand"
	"strings"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/lab/compat/recorded"
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
	level   string   // Freedoms where a payload has several right answers
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

// checks asks everything that a reader of the Options is asked.
func (r *run) checks(ask func(question)) {
	for _, c := range r.cases {
		if c.Origin != nil {
			ask(r.ofCase(Required, "recorded", c, c.Payload.Bytes))
		}
	}
	r.plain(ask)
	if r.Level == Required {
		return
	}
	edited := make(map[uint64]bool)
	for _, c := range r.cases {
		r.around(ask, c, edited)
	}
	for _, p := range r.grammar.Properties() {
		r.draw(ask, Recommended, p.Name, p.Draw)
	}
	payloads := corpus.Payloads(r.cases)
	r.draw(ask, Recommended, "any-bytes", one(func(rnd grammar.Rand) []byte { return grammar.Changed(rnd, payloads) }))
	for _, c := range r.grammar.Contexts() {
		longest := r.Longest
		if inOptions := c.Level == grammar.Options || c.Level == grammar.Entry; inOptions && !c.IsAny() {
			longest = 1 // what Options say in a row they say in a legacy Any
		}
		sentences(ask, "walk/"+c.Name, r.grammar.Sentences(c, longest))
	}
	sentences(ask, "walk/bytes", grammar.Strings(r.Longest))
	for _, all := range []iter.Seq[grammar.Sentence]{r.grammar.AllTexts(), r.grammar.Sizes(), r.grammar.Pieces(),
		r.grammar.Many(), r.grammar.Constants(hcsshim.Current().Words, nil)} {
		sentences(ask, "", all)
	}
	if r.Longest > 1 {
		sentences(ask, "walk/params", r.grammar.Params())
		r.pairs(ask)
	}
	if r.Payloads > 0 {
		r.mutated(ask)
	} else if r.Longest > 1 {
		r.sizes(ask)
	}
}

// ofCase is a payload that is made of a case, in a test of this.
func (r *run) ofCase(level, place string, c corpus.Case, payload []byte) question {
	return question{level, place, []string{c.Name}, r.ids(c.Name), payload}
}

// around asks a case that was not recorded as it is; and of one that is not varied in the
// enumeration any with Options cut at every byte, and of a small one every single edit.
func (r *run) around(ask func(question), c corpus.Case, edited map[uint64]bool) {
	const large, small = 2000, 200 // bytes
	if c.Origin == nil {
		ask(r.ofCase(Recommended, "corpus", c, c.Payload.Bytes))
	}
	if c.IsVaried() {
		return
	}
	if c.Size <= large && r.want(c.Payload.Bytes).Kind == contract.Options {
		for cut := range c.Payload.Bytes {
			ask(r.ofCase(Recommended, "truncated", c, c.Payload.Bytes[:cut]))
		}
	}
	if c.Size <= small && r.Longest > 1 {
		for _, s := range grammar.Edits(c.Name, c.Payload.Bytes, edited) {
			ask(r.ofCase(Recommended, "walk/neighbours", c, s.Bytes()))
		}
	}
}

// one draws one payload at a time.
func one(draw func(grammar.Rand) []byte) func(grammar.Rand) []grammar.Payload {
	return func(rnd grammar.Rand) []grammar.Payload { return []grammar.Payload{{Bytes: draw(rnd)}} }
}

// chance is the same for a seed whatever else is asked.
func (r *run) chance(place string) *rand.Rand {
	h := fnv.New64()
	fmt.Fprint(h, r.Seed, place)
	return rand.New(rand.NewSource(int64(h.Sum64())))
}

// draw asks what is drawn.
func (r *run) draw(ask func(question), level, place string, draw func(grammar.Rand) []grammar.Payload) {
	rnd, ids := r.chance(place), r.ids(place)
	for range r.Checks {
		for _, p := range draw(rnd) {
			ask(question{level: level, place: place, ids: ids, payload: p.Bytes})
		}
	}
}

// plain asks what containerd sends, in encodings that a standard encoder writes.
func (r *run) plain(ask func(question)) {
	g := r.grammar
	plain := func(name string, draw func(grammar.Rand) []byte) { r.draw(ask, Required, "plain/"+name, one(draw)) }
	plain("none", func(grammar.Rand) []byte { return nil })
	plain("bootstrap-none", func(rnd grammar.Rand) []byte { return g.Encode(rnd, 0, grammar.Bootstrap, nil).Bytes })
	for _, family := range []grammar.Level{grammar.Legacy, grammar.Bootstrap} {
		plain(string(family), func(rnd grammar.Rand) []byte { return g.Encode(rnd, 0, family, g.Options(rnd)).Bytes })
	}
	for _, c := range []struct{ name, version, shim string }{
		{"containerd-2.2", "v2.2.9", "io.containerd.example.v1"},
		{"containerd-2.4", "v2.4.2", "io.containerd.example.v1"},
		{"containerd-2.4-runhcs", "v2.4.2", "containerd-shim-runhcs-v1"},
	} {
		plain(c.name, func(rnd grammar.Rand) []byte { return r.started(rnd, c.version, c.shim) })
	}
	plain("other-type", func(rnd grammar.Rand) []byte {
		return g.ForeignAs(rnd, 0, pick(rnd, g.OtherNames), encoded(g.Options(rnd))).Bytes
	})
}

func pick[T any](rnd grammar.Rand, from []T) T { return from[rnd.Intn(len(from))] }

func encoded(m proto.Message) []byte {
	b, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m) // what is drawn is valid
	return b
}

// started draws what a containerd writes to a shim that it starts: with Options, without,
// or with options of another type.
func (r *run) started(rnd grammar.Rand, version, shim string) []byte {
	p := &bootstrap.BootstrapParams{InstanceID: grammar.ID(rnd), Namespace: grammar.Namespace(rnd),
		ContainerdVersion: version, ContainerdTtrpcAddress: "/run/containerd/containerd.sock.ttrpc",
		ContainerdGrpcAddress: "/run/containerd/containerd.sock", ContainerdBinary: "/usr/bin/containerd",
		LogLevel: pick(rnd, []bootstrap.LogLevel{0, -4})}
	url, value := string(r.options.Descriptor().FullName()), encoded(r.grammar.Options(rnd))
	switch rnd.Intn(8) {
	case 0:
		url, value = "", nil
	case 1:
		url = pick(rnd, r.grammar.OtherNames)
	}
	return recorded.Start(shim, p, url, value)
}

// mutated asks what is neither enumerated nor drawn: many tokens in a row; and those, a case, or
// what is drawn, with bytes changed.
func (r *run) mutated(ask func(question)) {
	rnd, properties, contexts := r.chance("mutated"), r.grammar.Properties(), r.grammar.Contexts()
	next := func() []byte {
		switch rnd.Intn(8) {
		case 0:
			return pick(rnd, r.cases).Payload.Bytes
		case 1:
			return pick(rnd, pick(rnd, properties).Draw(rnd)).Bytes
		}
		context := pick(rnd, contexts)
		var row []grammar.Token
		for range 1 + rnd.Intn(6) {
			t := pick(rnd, r.grammar.Tokens(context.Level))
			if t.Kind == grammar.Sound || rnd.Intn(16) == 0 { // what is malformed hides the others
				row = append(row, t)
			}
		}
		return grammar.Encode(context.Payload(row))
	}
	const longest = 8 << 10 // bytes
	for range r.Payloads {
		b := next()
		for range rnd.Intn(2) {
			b = grammar.Edit(rnd, b, next)
		}
		ask(question{level: Recommended, place: "mutated", payload: b[:min(len(b), longest)]})
	}
}

// sizes asks large payloads.
func (r *run) sizes(ask func(question)) {
	for _, shape := range grammar.Shapes {
		for _, size := range []int{1 << 16, 5 << 18} {
			ask(question{level: Recommended, place: "size/" + shape.Name, payload: shape.Make(size)})
		}
	}
	for _, family := range []grammar.Level{grammar.Legacy, grammar.Bootstrap} {
		b, _ := r.grammar.AtEnd(family, contract.MaxPayload)
		ask(question{level: Recommended, place: fmt.Sprintf("size/%s-32-MiB", family), payload: b})
	}
}

// sentences asks the payloads of an enumeration. Without a place each is of the test that its context
// names, and of none of its own.
func sentences(ask func(question), place string, all iter.Seq[grammar.Sentence]) {
	for s := range all {
		q := question{level: Recommended, place: place, payload: s.Bytes()}
		for _, t := range s.Tokens {
			q.tokens = append(q.tokens, t.Name)
			q.ids += " " + t.Rules
		}
		switch {
		case place == "":
			q.place, q.tokens = "walk/"+s.Context, nil
		case s.Tokens == nil && len(q.payload) > 0: // any bytes
			q.tokens = []string{fmt.Sprintf("%02x", q.payload[0])}
		case len(q.tokens) == 0:
			q.tokens = []string{"nothing"}
		}
		ask(q)
	}
}

// pairs asks one case of each class after each of the others: a reader must not keep
// state. A case that fails after all others fails by itself.
func (r *run) pairs(ask func(question)) {
	seen := make(map[string]bool)
	var first []corpus.Case
	for _, c := range r.cases {
		class := c.Name[:strings.LastIndexByte(c.Name, '_')] + string(c.Outcome)
		if c.Origin == nil && c.Size <= 2000 && !seen[class] {
			seen[class] = true
			first = append(first, c)
		}
	}
	for _, a := range first {
		for _, b := range first {
			after := r.ofCase(Recommended, "corpus", b, b.Payload.Bytes)
			after.tokens = append(after.tokens, "after "+a.Name)
			ask(r.ofCase(Recommended, "corpus", a, a.Payload.Bytes))
			ask(after)
		}
	}
}

// idsOf returns what gives the ids of a case of the corpus, whose name ends with that of
// a token, or of what is named after an equivalence.
func idsOf(g *grammar.Grammar) func(name string) string {
	ids := map[string]string{"truncated": "M1"}
	for _, row := range grammar.VariationNames {
		ids[row] = row
	}
	asInNames := strings.NewReplacer(",", "", " ", "-")
	for _, c := range g.Contexts() {
		for _, t := range g.Tokens(c.Level) {
			if t.Rules != "" {
				ids[asInNames.Replace(t.Name)] = t.Rules
			}
		}
	}
	return func(name string) (found string) {
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '/' }) {
			found += " " + ids[part]
		}
		return found
	}
}
