package matrix

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/contract"
	"shimfuzz/lab/compat/findings"
	"shimfuzz/lab/compat/readers"
	"shimfuzz/lab/compat/recorded"
	"shimfuzz/lab/table"
)

// The effects of a setting that are not those of a payload.
const (
	Refused  Effect = "refused"  // containerd or the shim reports the mistake
	Accepted Effect = "ACCEPTED" // the shim starts with what was a mistake
)

// sees is what an operator sees of a shim's answer, given what the setting means.
func sees(r readers.Reader, s recorded.Setting, got contract.Outcome) Effect {
	switch {
	case s.Means != "":
		want := contract.Outcome{Kind: contract.Options, Options: table.Parse(s.Means)}
		return effect(emptyIsNone(findings.AsKnown(r.Name, r.Version, want)), emptyIsNone(got))
	case got.Kind.IsError():
		return Refused
	}
	return Accepted
}

// emptyIsNone is an outcome in which options without a field are none.
func emptyIsNone(o contract.Outcome) contract.Outcome {
	if o.Kind == contract.Options && proto.Equal(contract.WithoutUnknown(o.Options), new(options.Options)) {
		return contract.Outcome{Kind: contract.None}
	}
	return o
}

// settingsTable is what becomes of each setting, in Markdown. Settings of a runtime with the
// same effects are one row.
func settingsTable(all []recorded.Passage, rows []Row) string {
	var b strings.Builder
	b.WriteString("| runtime | options | effect |\n|---|---|---|\n")
	rowOf := func(s recorded.Setting) [2]string { return [2]string{runtimeOf(s), effects(s, all, rows)} }
	for _, group := range recorded.Grouped(recorded.Settings(), rowOf) {
		var options []string
		for _, s := range group {
			options = append(options, written(s))
		}
		row := rowOf(group[0])
		fmt.Fprintf(&b, "| %s | %s | %s |\n", row[0], strings.Join(options, "<br>"), row[1])
	}
	return b.String()
}

// effects are those of a setting, by the release of containerd unless all have the same.
func effects(s recorded.Setting, all []recorded.Passage, rows []Row) string {
	var spans []span
	for _, p := range all {
		if p.Setting == s.Name {
			spans = extend(spans, "", release(p), onShims(p, s, rows))
		}
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

// onShims is the effect on the newest shim, and those on others that differ.
func onShims(p recorded.Passage, setting recorded.Setting, rows []Row) string {
	if p.Error != "" {
		return string(sees(readers.Reader{}, setting, contract.Outcome{Kind: contract.Error}))
	}
	var spans []span
	for _, r := range rows {
		if r.Err == nil && isFor(p, r.Reader) {
			spans = extend(spans, "", r.Reader.Version, string(sees(r.Reader, setting, r.answer(p).Got)))
		}
	}
	if len(spans) == 0 {
		return "not run"
	}
	slices.Reverse(spans)
	text := spans[0].text
	for _, s := range spans[1:] {
		text += "; " + s.text + " " + s.label()
	}
	return text
}

// runtimeOf names the runtime of a setting.
func runtimeOf(s recorded.Setting) string {
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
func written(s recorded.Setting) string {
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
