package differential

import (
	"maps"
	"slices"
	"strings"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/reference"
)

// Engine is a reader that is built on a protobuf engine.
type Engine struct {
	Name    string // of the reader
	On      string // which engine it is built on
	Command string
	NotRun  string   // why it cannot be run here, "" if it can
	Every   int      // it is slow and is given every n-th payload; 0 is all
	Defects []Defect // that are known
}

// Defect is a known defect of an engine.
type Defect struct {
	Name string
	Why  string // what the engine does, and where that can be read
	// As says what the engine takes a tag for.
	As misreading
	// Overruns is set for an engine that reads a message's last field beyond its end.
	Overruns bool
	// Minimal is set if the defect also shows where an ID and a namespace are read as
	// BootstrapParams (R4b), and an unknown field of an Any is one of those.
	Minimal bool
}

// explain reports whether an engine with these defects gives such a wrong answer: it is
// right to what the engine takes the payload for.
func explain(defects []Defect, q question, got contract.Outcome) bool {
	m := misreader{as: func(p place, tag, rest []byte) {
		for _, d := range defects {
			if d.As != nil {
				d.As(p, tag, rest)
			}
		}
	}}
	minimal := false
	for _, d := range defects {
		m.overruns = m.overruns || d.Overruns
		minimal = minimal || d.Minimal
	}
	b, otherType := m.payload(q.payload)
	want := reference.Want(b)
	return allowed(want, got) >= 0 || minimal && otherType && got.Kind == contract.Foreign &&
		allowed(want, contract.Outcome{Kind: contract.None}) >= 0
}

// explanation returns the known defects that together are why the engine gave a wrong
// answer, and none that is not needed for that; nothing if they are not why.
func (e Engine) explanation(q question, got contract.Outcome) []Defect {
	if !explain(e.Defects, q, got) {
		return nil
	}
	needed := slices.Clone(e.Defects)
	for _, d := range e.Defects {
		without := slices.DeleteFunc(slices.Clone(needed), func(other Defect) bool { return other.Name == d.Name })
		if explain(without, q, got) {
			needed = without
		}
	}
	return needed
}

// question is a payload with its right answers.
type question struct {
	payload []byte
	want    contract.Outcome
}

// tally is what an engine has answered.
type tally struct {
	engine      Engine
	payloads    int
	agreed      int
	free        int            // of those, with another answer than the reference's
	explained   int            // by known defects
	known       map[string]int // the same, by the name of each defect
	unexplained int
	wrong       map[string]*disagreement
	err         error // that has ended the asking
}

// disagreement is an answer that the contract does not allow and no known defect explains.
type disagreement struct {
	question
	got      contract.Outcome
	payloads int    // that have such an answer; question is the smallest of them
	file     string // that keeps it
}

// String says what was wanted and given. It is the same for all answers of a tally's entry.
func (d *disagreement) String() string {
	kinds := []string{string(d.want.Kind)}
	for _, o := range d.want.Or {
		kinds = append(kinds, string(o.Kind))
	}
	if d.got.Kind == contract.Options && slices.Contains(kinds, string(contract.Options)) {
		return "other options than those wanted"
	}
	return string(d.got.Kind) + " instead of " + strings.Join(kinds, " or ")
}

// judge adds an answer to the tally, and returns it if nothing explains it.
func (t *tally) judge(q question, got contract.Outcome) *disagreement {
	t.payloads++
	if i := allowed(q.want, got); i >= 0 {
		t.agreed++
		t.free += min(i, 1)
		return nil
	}
	if defects := t.engine.explanation(q, got); len(defects) > 0 {
		t.explained++
		for _, d := range defects {
			t.known[d.Name]++
		}
		return nil
	}
	t.unexplained++
	return &disagreement{question: q, got: got, payloads: 1}
}

// allowed returns which of the right answers got is: 0 for the reference's own, -1 for none.
func allowed(want, got contract.Outcome) int {
	return slices.IndexFunc(append([]contract.Outcome{want}, want.Or...),
		func(o contract.Outcome) bool { return contract.Right(o, got, nil) })
}

// keep remembers the smallest payload of each kind of disagreement.
func (t *tally) keep(d *disagreement) {
	before := t.wrong[d.String()]
	if before != nil {
		d.payloads += before.payloads
	}
	if before == nil || len(d.payload) < len(before.payload) {
		t.wrong[d.String()] = d
		return
	}
	before.payloads = d.payloads
}

// disagreements are those of the tally, in a fixed order.
func (t *tally) disagreements() (all []*disagreement) {
	for _, key := range slices.Sorted(maps.Keys(t.wrong)) {
		all = append(all, t.wrong[key])
	}
	return all
}

// stale are the known defects that have not shown.
func (t *tally) stale() (names []string) {
	for _, d := range t.engine.Defects {
		if t.known[d.Name] == 0 {
			names = append(names, d.Name)
		}
	}
	return names
}
