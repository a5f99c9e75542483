// Package findings lists where released hcsshim breaks the contract.
//
// A finding does not merely name the payloads it befalls: it predicts the wrong
// answer to each. So it excuses that defect and nothing else. An answer that is
// neither the right one nor the predicted one is a new failure; the right
// answer where a wrong one was predicted means that the defect is gone.
package findings

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/contract"
)

// Finding is a defect of hcsshim.
type Finding struct {
	Name    string
	Breaks  contract.Guarantee
	Happens string // what happens, to whom
	From    string // the first released version with it
	Fixed   string // the first released version without it; empty while there is none
	Case    string // the corpus case that shows it in the fewest bytes

	// predict returns the wrong answer that the defect gives to a payload for
	// which the contract wants another, and false for payloads it leaves alone.
	// It is given the list that it stands in, for what else befalls a payload.
	predict func(l List, payload []byte, want contract.Outcome) (contract.Outcome, bool)
}

// List is the findings that are known of one hcsshim.
type List struct {
	Name     string // the version they are known of, or "none"
	Findings []Finding
	released bool // see AsReleased
}

// AsReleased returns the list for a binary as it was released. Where the suite
// links a decoder of before BootstrapParams it brings these along; the release
// does not know their name.
func (l List) AsReleased() List {
	version, _, _ := strings.Cut(l.Name, ",")
	l.released = semver.IsValid(version) && semver.Compare(version, bootstrapSupport) < 0
	return l
}

// For returns the findings of a released version. Version "" is a checkout,
// which starts from what is known of the newest release.
func For(version string) List {
	if version == "" {
		version = Newest
	}
	list := List{Name: version}
	for _, f := range All {
		if f.in(version) {
			list.Findings = append(list.Findings, f)
		}
	}
	return list
}

// Named returns the list that a user asks for: "none", or a version, or a
// version without some of its findings ("v0.15.0,-identity-misread"), for an
// hcsshim in which those have been mended.
func Named(name string) (List, error) {
	if name == "none" {
		return List{Name: name}, nil
	}
	version, without, _ := strings.Cut(name, ",")
	if semver.Canonical(version) != version || version == "" {
		return List{}, fmt.Errorf("FINDINGS=%s: want none, or a version of hcsshim such as %s, and after it findings to leave out, such as ,-%s", name, Newest, All[len(All)-1].Name)
	}
	list := For(version)
	list.Name = name
	for f := range strings.SplitSeq(without, ",") {
		if f == "" || isCaller(version, f) {
			continue // a caller's is left out by List.Callers
		}
		i := slices.IndexFunc(list.Findings, func(have Finding) bool { return "-"+have.Name == f })
		if i < 0 {
			return List{}, fmt.Errorf("FINDINGS=%s: %s has no finding %q", name, version, strings.TrimPrefix(f, "-"))
		}
		list.Findings = slices.Delete(list.Findings, i, i+1)
	}
	return list, nil
}

func (f Finding) in(version string) bool {
	return semver.Compare(version, f.From) >= 0 && (f.Fixed == "" || semver.Compare(version, f.Fixed) < 0)
}

// Versions says in words which releases have the finding.
func (f Finding) Versions() string {
	if f.Fixed == "" {
		return "since " + f.From
	}
	return "from " + f.From + " to before " + f.Fixed
}

// Predict returns the finding of the list that befalls the payload, with the
// wrong answer it gives; nil if the right answer is to be expected.
func (l List) Predict(payload []byte, want contract.Outcome) (*Finding, contract.Outcome) {
	for i, f := range l.Findings {
		got, ok := f.predict(l, payload, want)
		if ok && contract.Diff(want, got, nil) != "" {
			return &l.Findings[i], got
		}
	}
	return nil, want
}

// Matches reports whether got is the predicted answer. A predicted panic gives
// the start of its message.
func Matches(predicted, got contract.Outcome) bool {
	if predicted.Kind == contract.Panic {
		return got.Kind == contract.Panic && strings.HasPrefix(got.Panic, predicted.Panic)
	}
	return contract.Diff(predicted, got, nil) == ""
}
