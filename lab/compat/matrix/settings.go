package matrix

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/compat/settings"
	"shimfuzz/lab/conformance/protocol"
)

// The effects of a setting that are not those of a payload.
const (
	Refused  Effect = "refused"  // containerd reports the mistake, and no shim is started
	Accepted Effect = "ACCEPTED" // the shim starts with what was a mistake
)

// Way is the way of one setting of an operator through some releases of containerd, to
// the payload that the shim is given.
type Way struct {
	recorded.Passage
	Start
}

// Ways returns the ways of settings. The error is one of a passage of which the corpus
// has no case.
func Ways(passages []recorded.Passage, cases []corpus.Case) (ways []Way, err error) {
	for _, p := range passages {
		if p.Setting == "" {
			continue
		}
		i := slices.IndexFunc(cases, func(c corpus.Case) bool { return bytes.Equal(c.Payload.Bytes, p.Start) })
		if i < 0 {
			return nil, fmt.Errorf("the corpus has no case of setting %s: run make corpus", p.Setting)
		}
		ways = append(ways, Way{p, Start{Name: cases[i].Name, Payload: p.Start}})
	}
	return ways, nil
}

// AskWays puts the payloads of the settings for a reader to it, and returns its
// answers by the index of the way.
func AskWays(r readers.Reader, ways []Way, ask func(payload []byte) (protocol.Answer, error)) (map[int]Answer, error) {
	reads := map[string]string{findings.RunHCS: recorded.SpecialShim, findings.LCOW: recorded.OrdinaryShim}
	answers := make(map[int]Answer)
	for i, w := range ways {
		if w.Shim != reads[r.Name] || w.Error != "" {
			continue
		}
		c, err := Ask(r, Sender{Starts: []Start{w.Start}}, ask)
		if err != nil {
			return nil, err
		}
		answers[i] = c.Answers[0]
	}
	return answers, nil
}

// Sees is what an operator sees of a shim's answer, given what the setting means.
func Sees(r readers.Reader, s settings.Setting, got contract.Outcome) Effect {
	if s.Means == "" {
		if got.Kind == contract.Options {
			return Accepted
		}
		return effect(contract.Outcome{Kind: contract.Foreign}, got)
	}
	want := findings.AsKnown(r.Name, r.Version, contract.Outcome{Kind: contract.Options, Options: s.Options()})
	empty := func(o proto.Message) bool { return proto.Equal(contract.WithoutUnknown(o), new(options.Options)) }
	switch {
	case got.Kind == contract.None && empty(want.Options):
		return Arrive
	case got.Kind == contract.Options && empty(got.Options) && !empty(want.Options):
		return Defaults
	}
	return effect(want, got)
}

// SettingsMarkdown writes what becomes of each setting. Settings of a runtime with the same
// effects are one row.
func SettingsMarkdown(w io.Writer, ways []Way, rows []Row) {
	var releases []string
	for _, way := range ways {
		releases = append(releases, way.Containerd...)
	}
	slices.Sort(releases)
	releases = slices.Compact(releases)
	type row struct{ runtime, effects string }
	var order []row
	options := make(map[row][]string)
	for _, s := range settings.All() {
		r := row{runtimeOf(s), effects(s, releases, ways, rows)}
		if options[r] == nil {
			order = append(order, r)
		}
		options[r] = append(options[r], written(s))
	}
	fmt.Fprint(w, "| runtime | options | effect |\n|---|---|---|\n")
	for _, r := range order {
		fmt.Fprintf(w, "| %s | %s | %s |\n", r.runtime, strings.Join(options[r], "<br>"), r.effects)
	}
}

// effects are those of a setting, by the release of containerd unless all have the same.
func effects(s settings.Setting, releases []string, ways []Way, rows []Row) string {
	var spans []span
	for _, release := range releases {
		i := slices.IndexFunc(ways, func(w Way) bool {
			return w.Setting == s.Name && slices.Contains(w.Containerd, release)
		})
		spans = extend(spans, "", release, settingSummary(s, i, ways, rows))
	}
	if len(spans) == 1 {
		return spans[0].text
	}
	var lines []string
	for _, s := range spans {
		lines = append(lines, s.label()+": "+s.text)
	}
	return strings.Join(lines, "<br>")
}

// runtimeOf names the runtime of a setting.
func runtimeOf(s settings.Setting) string {
	switch {
	case s.Windows != "":
		return "Windows' own `" + s.Windows + "`"
	case s.Path != "":
		return "`" + s.Type + "`, `runtime_path` of lcow-v2"
	case strings.HasPrefix(s.Type, "/"):
		return "absolute path of runhcs-v1"
	}
	return "`" + s.Type + "`"
}

// written is the content of a setting's table, in one line.
func written(s settings.Setting) string {
	lines := strings.Split(strings.TrimSpace(s.TOML), "\n")
	switch {
	case s.NoTable:
		return "no table"
	case s.TOML == "":
		return "empty table"
	case len(lines) > 2:
		name, _, _ := strings.Cut(lines[len(lines)-2], " ")
		return "every field, as `" + name + "`"
	}
	return "`" + strings.Join(lines, "`, `") + "`"
}

// settingSummary is the effect on the newest shim, with those on others that differ.
func settingSummary(s settings.Setting, i int, ways []Way, rows []Row) string {
	switch {
	case i < 0:
		return "not recorded"
	case ways[i].Error != "" && s.Means == "":
		return string(Refused)
	case ways[i].Error != "":
		return string(Fails)
	}
	var order []Effect // the newest shim's first
	versions := make(map[Effect][]string)
	for _, r := range slices.Backward(rows) {
		a, ok := r.Settings[i]
		if !ok {
			continue
		}
		e := Sees(r.Reader, s, a.Got)
		if versions[e] == nil {
			order = append(order, e)
		}
		versions[e] = append(versions[e], r.Reader.Version)
	}
	if len(order) == 0 {
		return "not run"
	}
	text := string(order[0])
	for _, e := range order[1:] {
		v := versions[e]
		text += fmt.Sprintf("; %s %s", e, v[len(v)-1])
		if len(v) > 1 {
			text += " to " + v[0]
		}
	}
	return text
}
