package matrix

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/settings"
)

// The effects of a setting that are not those of a payload.
const (
	Refused  Effect = "refused"  // containerd reports the mistake, and no shim is started
	Accepted Effect = "ACCEPTED" // the shim starts with what was a mistake
)

// sees is what an operator sees of a shim's answer, given what the setting means.
func sees(r readers.Reader, s settings.Setting, got contract.Outcome) Effect {
	want := contract.Outcome{Kind: contract.Foreign}
	switch {
	case s.Means != "":
		sent := contract.Outcome{Kind: contract.Options, Options: s.Options()}
		want = emptyIsNone(findings.AsKnown(r.Name, r.Version, sent))
	case got.Kind == contract.Options:
		return Accepted
	}
	return effect(want, emptyIsNone(got))
}

// emptyIsNone is an outcome in which options without a field are none.
func emptyIsNone(o contract.Outcome) contract.Outcome {
	if o.Kind == contract.Options && proto.Equal(contract.WithoutUnknown(o.Options), new(options.Options)) {
		return contract.Outcome{Kind: contract.None}
	}
	return o
}

// SettingsMarkdown writes what becomes of each setting. Settings of a runtime with the same
// effects are one row.
func SettingsMarkdown(w io.Writer, ways []Way, rows []Row) {
	type row struct{ runtime, effects string }
	var order []row
	options := make(map[row][]string)
	for _, s := range settings.All() {
		r := row{runtimeOf(s), effects(s, ways, rows)}
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
func effects(s settings.Setting, ways []Way, rows []Row) string {
	texts := make(map[string]string) // by release
	for _, w := range ways {
		for _, release := range w.Containerd {
			if w.Setting == s.Name {
				texts[release] = w.effects(s, rows)
			}
		}
	}
	var spans []span
	for _, release := range slices.Sorted(maps.Keys(texts)) {
		spans = extend(spans, "", release, texts[release])
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

// effects are that on the newest shim, and those on others that differ.
func (w Way) effects(s settings.Setting, rows []Row) string {
	switch {
	case w.Error != "" && s.Means == "":
		return string(Refused)
	case w.Error != "":
		return string(Fails)
	}
	var spans []span // the newest shim's first
	for _, r := range slices.Backward(rows) {
		at := slices.IndexFunc(r.Answers, func(a Answer) bool { return a.Name == w.Name })
		if at < 0 || !w.isFor(r.Reader) {
			continue
		}
		e := string(sees(r.Reader, s, r.Answers[at].Got))
		i := slices.IndexFunc(spans, func(s span) bool { return s.text == e })
		if i < 0 {
			i = len(spans)
			spans = append(spans, span{last: r.Reader.Version, text: e})
		}
		spans[i].first = r.Reader.Version
	}
	if len(spans) == 0 {
		return "not run"
	}
	text := spans[0].text
	for _, s := range spans[1:] {
		text += "; " + s.text + " " + s.label()
	}
	return text
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
