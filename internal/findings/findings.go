// Package findings lists where hcsshim's readOptions, and what decodes the options of
// CreateTaskRequest, break the contract.
//
// A finding does not merely name the payloads that it affects: it predicts the
// wrong answer to each. So it excuses that defect and nothing else. An answer
// that is neither the right one nor the predicted one is a new failure; the
// right answer where a wrong one was predicted means that the defect is gone.
package findings

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/contract"
)

// The programs whose findings are in All. The lab has those of others.
const (
	ReadOptions = "hcsshim readOptions" // of runhcs-v1, extracted and linked into a test
	Create      = "hcsshim Create"      // what decodes CreateTaskRequest.Options in runhcs-v1, likewise
)

// hcsshim is how the names of hcsshim's programs start.
const hcsshim = "hcsshim "

// Finding is a defect of one program or of several.
type Finding struct {
	Name    string
	Breaks  contract.Guarantee
	Effect  string // what happens, to whom
	Library string // whose defect it is, "" if it is the programs' own
	Places  []Place
}

// Place is a program that has a finding.
type Place struct {
	Program string
	Command string        // of the program, where the defect does not show in the answer to a payload
	From    string        // the first released version with it, or the oldest that was run
	Fixed   string        // the first released version without it; "" while there is none
	Case    string        // the corpus case that shows it in the fewest bytes, or else
	Payload func() []byte // makes a payload that the corpus does not have, such as one that is too large

	Predict Prediction // nil for a place with a Command
}

// Prediction returns the wrong answer that a defect gives to a payload for
// which the contract wants another, and false for payloads that it does not
// affect. It is given the list that is applied, for what else affects the payload.
type Prediction func(l List, payload []byte, want contract.Outcome) (contract.Outcome, bool)

// in reports whether a version of the program has the finding. A checkout, which
// has no version, has what the newest release has.
func (p Place) in(version string) bool {
	if !semver.IsValid(version) {
		return p.Fixed == ""
	}
	return semver.Compare(version, p.From) >= 0 && (p.Fixed == "" || semver.Compare(version, p.Fixed) < 0)
}

// In returns the finding's place in a program, and false if it has none.
func (f *Finding) In(program string) (Place, bool) {
	i := slices.IndexFunc(f.Places, func(p Place) bool { return p.Program == program })
	if i < 0 {
		return Place{}, false
	}
	return f.Places[i], true
}

// Catalogue is findings of any programs and versions. Where two affect one payload the
// earlier one decides.
type Catalogue []Finding

// List is the findings that are known of one version of a program, or those of
// them that are excused. The zero value is empty.
type List struct {
	Name     string // as the user gives it, or "none"
	Program  string
	Version  string
	Released bool       // the program links what its release links, and not what the suite links
	without  []string   // what the user leaves out, as name or name@shim
	Findings []*Finding // that follow from the others, and a catalogue
}

// None is the empty list.
var None = List{Name: "none"}

// Libraries is the name of the list of what is no defect of hcsshim's own.
const Libraries = "libraries"

// Of returns the findings of a released version of a program. Version "" is a
// checkout, which starts from what is known of the newest release.
func (c Catalogue) Of(program, version string) List {
	name := version
	if version == "" && strings.HasPrefix(program, hcsshim) {
		name, version = Newest, Newest
	}
	return c.For(List{Name: name, Version: version}, program)
}

// Named returns the list of readOptions' findings that a user asks for: "none"; "libraries",
// those that are defects of a library; or a version, or a version without some of hcsshim's findings
// ("v0.15.0,-identity-misread"), for an hcsshim in which those are mended. A finding may be mended in one
// place only, "-group-hides-bad-field-number@Create". What is elsewhere has a name that c does not know.
func (c Catalogue) Named(name string, elsewhere ...string) (List, error) {
	version, without, _ := strings.Cut(name, ",")
	switch {
	case name == None.Name:
		return None, nil
	case name == Libraries:
		return c.For(List{Name: name, Version: Newest}, ReadOptions), nil
	case semver.Canonical(version) != version,
		semver.Compare(version, Oldest) < 0, semver.Compare(version, Newest) > 0:
		return List{}, fmt.Errorf("FINDINGS=%s: want none, %s, or a version of hcsshim from %s to %s, and after it "+
			"findings to leave out, such as ,-%s", name, Libraries, Oldest, Newest, c[len(c)-1].Name)
	}
	l, names := List{Name: name, Version: version}, c.names(version)
	for f := range strings.FieldsFuncSeq(without, func(r rune) bool { return r == ',' }) {
		left, ok := strings.CutPrefix(f, "-")
		_, at, _ := strings.Cut(left, "@")
		if !ok || !slices.Contains(names, left) && !slices.Contains(elsewhere, at) {
			names = slices.Compact(slices.DeleteFunc(names, func(n string) bool { return strings.Contains(n, "@") }))
			return List{}, fmt.Errorf("FINDINGS=%s: %s has no finding %q, but %s", name, version, left,
				strings.Join(names, ", "))
		}
		l.without = append(l.without, left)
	}
	return c.For(l, ReadOptions), nil
}

// names are what a user calls the findings of a version of hcsshim.
func (c Catalogue) names(version string) (all []string) {
	for i := range c {
		for _, p := range c[i].Places {
			if strings.HasPrefix(p.Program, hcsshim) && p.in(version) {
				all = append(all, c[i].namesIn(p.Program)...)
			}
		}
	}
	return all
}

// namesIn are what a user calls the finding in a program: by its name, and with the place.
func (f *Finding) namesIn(program string) []string {
	names := []string{f.Name, f.Name + "@" + strings.TrimPrefix(program, hcsshim)}
	if program == ReadOptions || program == Create {
		names = append(names, f.Name+"@runhcs-v1")
	}
	return names
}

// For returns what a list has of another program of the same release.
func (c Catalogue) For(l List, program string) List {
	l.Program, l.Findings = program, nil
	if l.Name == "" || l.Name == None.Name {
		return l
	}
	for i := range c {
		f := &c[i]
		isOut := func(left string) bool { return slices.Contains(f.namesIn(program), left) }
		p, ok := f.In(program)
		if !ok || !p.in(l.Version) || l.Name == Libraries && f.Library == "" {
			continue
		}
		if !slices.ContainsFunc(l.without, isOut) {
			l.Findings = append(l.Findings, f)
		}
	}
	return l
}

// Has reports whether a finding of that name is in the list.
func (l List) Has(name string) bool {
	return slices.ContainsFunc(l.Findings, func(f *Finding) bool { return f.Name == name })
}

// Predict returns the finding of the list that affects the payload, with the
// wrong answer that it predicts; nil and want if the right answer is to be expected.
func (l List) Predict(payload []byte, want contract.Outcome) (*Finding, contract.Outcome) {
	for _, f := range l.Findings {
		p, _ := f.In(l.Program)
		if p.Predict == nil {
			continue
		}
		got, ok := p.Predict(l, payload, want)
		if ok && !contract.Right(want, got) {
			return f, got
		}
	}
	return nil, want
}

// Explain finds the largest part of the list that predicts just this answer. It returns the finding
// that decides, nil if that is the right answer, and what the part lacks: these findings seem to be
// mended. It returns false if no part does, so that the answer is a new defect.
func (l List) Explain(payload []byte, want, got contract.Outcome) (by *Finding, lacks []*Finding, ok bool) {
	parts := make([]uint, 1<<len(l.Findings)) // bits, of what a part lacks
	for i := range parts {
		parts[i] = uint(i)
	}
	slices.SortStableFunc(parts, func(a, b uint) int { return bits.OnesCount(a) - bits.OnesCount(b) })
	for _, without := range parts {
		part := l
		part.Findings, lacks = nil, nil
		for i, f := range l.Findings {
			if without>>i&1 == 1 {
				lacks = append(lacks, f)
			} else {
				part.Findings = append(part.Findings, f)
			}
		}
		by, predicted := part.Predict(payload, want)
		if by == nil && contract.Right(want, got) || by != nil && Matches(predicted, got) {
			return by, lacks, true
		}
	}
	return nil, nil, false
}

// Matches reports whether got is the predicted answer. A predicted panic has the
// start of its message, a predicted error a part of its text, or no error at all.
func Matches(predicted, got contract.Outcome) bool {
	switch {
	case predicted.Kind == contract.Panic:
		return got.Kind == contract.Panic && strings.HasPrefix(got.Panic, predicted.Panic)
	case predicted.Kind.IsError() && predicted.Err != nil:
		return got.Kind.IsError() && strings.Contains(got.Err.Error(), predicted.Err.Error())
	}
	return contract.Right(predicted, got)
}
