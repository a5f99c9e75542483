package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// page is what Upstream tells.
type page struct {
	strings.Builder
	needs int             // things that need someone
	cases strings.Builder // every answer that changed
}

// most is how many things of one kind are listed.
const most = 12

// section adds what differs in a build with a newer release, or why there is none.
func (p *page) section(r release, before, after *Snapshot, err error) {
	fmt.Fprintf(p, "\n%s %s instead of %s\n", r.path, r.newest, r.pinned)
	if err != nil {
		p.list("it cannot be built or run", true, strings.Split(strings.TrimSpace(err.Error()), "\n"))
		return
	}
	had, has := before.wrong(), after.wrong()
	p.list("findings that went: correct internal/findings/all.go", true, missing(had, has))
	p.list("findings that came: see that internal/findings/all.go has them", true, missing(has, had))
	p.list("ways in which answers changed; each answer: "+casesFile, true, p.changes(r, before, after))
	p.list("fields that no case sets: add one to corpus/table", true, missing(after.Unset, before.Unset))
	p.list("message types that came", false, missing(after.Types, before.Types))
	p.list("message types that went", false, missing(before.Types, after.Types))
	p.list("fields of other types that came or changed", false, slices.DeleteFunc(missing(after.Fields, before.Fields),
		func(f string) bool {
			name, _, _ := strings.Cut(f, ": ")
			return !slices.Contains(before.Types, name)
		}))
}

// list adds some things of a kind, which need someone or are only told.
func (p *page) list(kind string, needs bool, things []string) {
	if len(things) == 0 {
		return
	}
	if needs {
		p.needs += len(things)
	}
	fmt.Fprintf(p, "  %d %s\n", len(things), kind)
	for i, thing := range things {
		if i == most {
			fmt.Fprintf(p, "    … and %d more\n", len(things)-most)
			break
		}
		fmt.Fprintf(p, "    %s\n", thing)
	}
}

// changes notes the answers that differ, and returns a line for each way in which they
// do: how many, and the first case.
func (p *page) changes(r release, before, after *Snapshot) (lines []string) {
	byWay := make(map[string][]string)
	for key, a := range before.Answers {
		if now := after.Answers[key]; now != a {
			decoder, name, _ := strings.Cut(key, ": ")
			way := fmt.Sprintf("%s: %s -> %s", decoder, a.short(), now.short())
			byWay[way] = append(byWay[way], name)
		}
	}
	for _, way := range slices.Sorted(maps.Keys(byWay)) {
		slices.Sort(byWay[way])
		for _, name := range byWay[way] {
			fmt.Fprintf(&p.cases, "%s %s: %s: %s\n", r.path, r.newest, way, name)
		}
		lines = append(lines, fmt.Sprintf("%s: %d, such as %s", way, len(byWay[way]), byWay[way][0]))
	}
	return lines
}

// short is an answer without the values of options.
func (a Answer) short() string {
	kind, _, _ := strings.Cut(a.Text, " ")
	if kind == "" {
		return "no such decoder"
	}
	if a.Finding != "" {
		return kind + " (" + a.Finding + ")"
	}
	return kind
}
