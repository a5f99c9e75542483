package table

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/fuzz"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
)

// fieldsOf are the fields of Options of a kind.
func fieldsOf(kind protoreflect.Kind) (list []protoreflect.FieldDescriptor) {
	all := (*options.Options)(nil).ProtoReflect().Descriptor().Fields()
	for i := range all.Len() {
		if fd := all.Get(i); fd.Kind() == kind {
			list = append(list, fd)
		}
	}
	return list
}

// hump is where a word in a name begins.
var hump = regexp.MustCompile("([a-z])([A-Z])")

// fields gives every field of Options alone, over its range, in both families.
func (t *table) fields() {
	add := func(what, opts, note string) {
		t.both(says(what, opts, "Range"), "field_"+what, note, parts(opts)...)
	}
	each := func(kind protoreflect.Kind, values ...string) {
		for _, fd := range fieldsOf(kind) {
			for _, v := range values {
				what := strings.ToLower(hump.ReplaceAllString(fd.JSONName(), "$1-$2"))
				if kind == protoreflect.Int32Kind || kind == protoreflect.EnumKind || fd.HasPresence() {
					what += "_" + v
				}
				add(what, fmt.Sprintf(`{%q:%s}`, fd.JSONName(), v), "")
			}
		}
	}
	each(protoreflect.BoolKind, "true")
	add("scrub-logs_false", `{"scrubLogs":false}`, "Explicitly false, which is not unset: it turns scrubbing off.")
	each(protoreflect.StringKind, `"value"`)
	each(protoreflect.Int32Kind, "1", "-1", "2147483647", "-2147483648")
	for _, v := range []string{"1", "2", "3", "-1", "2147483647"} {
		each(protoreflect.EnumKind, v)
	}
	add("string_non-ascii", `{"logLevel":"débogage 日本語 🦊"}`, "")
	add("string_nul", `{"logLevel":"a\u0000b"}`, "")
	add("string_long", fmt.Sprintf(`{"registryRoot":%q}`, strings.Repeat("x", 1000)), "Its length takes two bytes.")
	add("annotations_one", annotation("k", "v"), "")
	add("annotations_empty-key", annotation("", "v"), "")
	add("annotations_empty-value", annotation("k", ""), "")
	add("annotations_empty-both", annotation("", ""), "")
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf(`"key-%03d":"value-%d"`, i, i)
	}
	add("annotations_many", fmt.Sprintf(`{"defaultContainerAnnotations":{%s}}`, strings.Join(many, ",")), "")
}

// annotation is Options with one annotation as JSON.
func annotation(key, value string) string {
	return fmt.Sprintf(`{"defaultContainerAnnotations":{%q:%q}}`, key, value)
}

// texts is every text of the grammar in every string of Options at once.
func (t *table) texts() {
	for i, text := range grammar.Texts {
		opts := &options.Options{DefaultContainerAnnotations: map[string]string{text: text}}
		var m wire.Message
		for _, fd := range fieldsOf(protoreflect.StringKind) {
			opts.ProtoReflect().Set(fd, protoreflect.ValueOfString(text))
			m = append(m, wire.String(fd.Number(), text))
		}
		m = append(m, wire.Sub(annotations, wire.String(1, text), wire.String(2, text)))
		t.both(says("", string(Must(protojson.Marshal(opts))), "Text"), fmt.Sprintf("text_%02d", i),
			fmt.Sprintf("%q arrives as it is.", text), m...)
	}
}

// words is the words of each layer, and keys that a layer takes for one, as annotations.
func (t *table) words() {
	add := func(what, note string, words map[string]string) {
		opts := string(Must(protojson.Marshal(&options.Options{DefaultContainerAnnotations: words})))
		t.both(says("", opts, "Text"), "words_"+what, note, parts(opts)...)
	}
	for _, l := range grammar.Layers {
		words := make(map[string]string)
		for _, w := range l.Words {
			words[w] = w
		}
		add(strings.ToLower(fileName.Replace(l.Name)), l.Name+" treats these specially.", words)
	}
	keys := make(map[string]string)
	for i, pair := range grammar.Equated {
		keys[pair[0]], keys[pair[1]] = fmt.Sprint(i), fmt.Sprint(-i)
	}
	add("equated", "Keys that differ in something that a layer ignores are different keys.", keys)
	keys = make(map[string]string)
	for i, s := range grammar.CodePoints {
		keys[s] = fmt.Sprint(i)
	}
	add("code-points", "The first and last code points of every length, beside every gap, and noncharacters.", keys)
}

// damaged is each malformed class of the contract in each message of each family, and each
// freedom of an encoding.
func (t *table) damaged() {
	for _, family := range []grammar.Level{grammar.Legacy, grammar.Bootstrap} {
		for _, level := range grammar.RunHCS.Levels(family) {
			for _, f := range slices.Concat(grammar.RunHCS.Faults(level), grammar.RunHCS.Freedoms(level)) {
				// Those of 20,000 bytes are there where the answers differ: at the top, and two levels down.
				if deep := level == grammar.Legacy || level == grammar.Any; deep || len(f.Bytes) < 10_000 ||
					f.Name == "group-too-deep" {
					t.faulty(family, level, f)
				}
			}
		}
	}
	malformed := t.rows("malformed_", answered(contract.Malformed, "Damaged"))
	const json, note = `{"debug":true}`, "JSON in place of the Options."
	malformed("legacy_value_text", "Text in place of the Options.", legacy(text("not options"))...)
	malformed("legacy_value_json", note, legacy(text(json))...)
	malformed("bootstrap_value_json", note, bootstrap(extension(text(json)))...)
	malformed("one_byte_0a", "A tag without its value.", text("\x0a"))
	malformed("one_byte_ff", "An unfinished varint.", text("\xff"))
}

// fileName turns a token's name into what may stand in a file's.
var fileName = strings.NewReplacer(",", "", " ", "-", ":", "", `"`, "", "^", "-to-the-", "+", "-and-")

// over64Bits is the freedom of which the reference refuses each example.
const over64Bits = "over-64-bits"

// faulty is a case of a fault, or of a freedom.
func (t *table) faulty(family, level grammar.Level, f grammar.Token) {
	p := grammar.RunHCS.Damaged(grammar.Lowest{}, 0, Parse(typical), family, level, f)
	like, form := answered(contract.Malformed, "Damaged"), "malformed_%s_%s_%s"
	if f.Freedom != "" {
		atLimit := level == grammar.Legacy && f.Name == "groups 10003 deep"
		like = free(says("", typical), f.Freedom, f.Freedom == over64Bits || atLimit)
		if f.Freedom != over64Bits {
			form = "%s_free_%s_%s"
		}
	}
	t.add(like, fmt.Sprintf(form, family, level, fileName.Replace(f.Name)), "", wire.Raw(p.Bytes))
}

// otherFormats is payloads that are no protobuf, or protobuf inside a frame.
func (t *table) otherFormats() {
	add := func(name, note string, b []byte) {
		t.add(answered(contract.Malformed, "OtherFormat"), "malformed_format_"+name, note, wire.Raw(b))
	}
	anyBytes, params := legacy(parts(typical)...).Encode(), bootstrap(extension(parts(typical)...)).Encode()
	for _, frame := range grammar.Frames {
		add(frame.Name+"_legacy", "", frame.Wrap(anyBytes))
		add(frame.Name+"_bootstrap", "", frame.Wrap(params))
	}
	for _, f := range [][2]string{
		{"json_options", typical},
		{"json_any", `{"@type":"type.googleapis.com/containerd.runhcs.v1.Options","debug":true}`},
		{"json_bootstrap", `{"instanceId":"web-1","namespace":"k8s.io","containerdVersion":"2.3.7"}`},
		{"json_empty", `{}`},
		{"text_options", "debug: true\nsandbox_isolation: HYPERVISOR\n"},
		{"toml", "Debug = true\nSandboxIsolation = 1\n"},
		{"base64", base64.StdEncoding.EncodeToString(params)}, {"hex", hex.EncodeToString(params)},
		{"space", " "}, {"newline", "\n"}, {"nuls", strings.Repeat("\x00", 16)},
	} {
		add(f[0], "", []byte(f[1]))
	}
	add("twice-cut", "One payload and half of it again.", slices.Concat(anyBytes, anyBytes[:len(anyBytes)/2]))
	add("utf16", "", []byte(strings.Join(strings.Split(typical, ""), "\x00")))
}

// elements is what is easily read wrongly, each element alone in as few bytes as can be:
// odd encodings, known numbers with other wire types, zero values, deep groups.
func (t *table) elements() {
	contexts := grammar.RunHCS.Contexts()
	for _, name := range []string{"Options in a legacy Any", "annotation in a legacy Any", "Extension",
		"Any in an extension", "Options in an extension"} {
		c := contexts[slices.IndexFunc(contexts, func(c grammar.Context) bool { return c.Name == name })]
		for _, e := range grammar.RunHCS.Tokens(c.Level) {
			if isCase(e) && (c.Level != grammar.Options || c.IsAny() || strings.HasPrefix(e.Name, "field 20")) {
				t.element(c, e)
			}
		}
	}
}

var chosenFields = regexp.MustCompile("^field (1|5|8|18|20) ")

// isCase chooses the elements that stand for others.
func isCase(e grammar.Token) bool {
	if e.Kind != grammar.Sound || e.Rules == "" || len(e.Bytes) > 300 {
		return false
	}
	if strings.HasPrefix(e.Name, "field") {
		return chosenFields.MatchString(e.Name) && e.Rules != "S1" && e.Rules != "S2"
	}
	return !e.Single && e.Freedom == ""
}

func (t *table) element(c grammar.Context, e grammar.Token) {
	top := c.Payload([]grammar.Token{e})
	want, _ := grammar.RunHCS.Answer(contract.Stdin, top)
	like, family := answered(want.Kind, "Token"), "bootstrap"
	if c.IsAny() {
		family = "legacy"
	}
	if want.Options != nil {
		like.Options = Must(protojson.Marshal(want.Options))
	}
	if e.Freedom != "" {
		like = free(like, e.Freedom, e.Freedom == over64Bits)
	}
	t.add(like, fmt.Sprintf("%s_element_%s_%s", family, c.Level, fileName.Replace(e.Name)), c.Name+": "+e.Name+".",
		wire.Raw(grammar.Encode(top)))
}

// dictionary is what a mutating fuzzer would hardly find by itself, in
// libFuzzer's format (https://llvm.org/docs/LibFuzzer.html#dictionaries): the short tokens
// of the grammar.
func dictionary() []byte {
	b := []byte("# Written by make corpus.\n")
	line := func(name string, text []byte) {
		b = fmt.Appendf(b, "%s=\"", name)
		for _, c := range text {
			if c < ' ' || c > '~' || c == '"' || c == '\\' {
				b = fmt.Appendf(b, `\x%02x`, c)
			} else {
				b = append(b, c)
			}
		}
		b = append(b, "\"\n"...)
	}
	line("separator", []byte(fuzz.Separator))
	line("extension", wire.Message{extension()}.Encode())
	const longest = 40 // bytes; libFuzzer's own limit is 64
	seen := make(map[string]bool)
	for _, c := range grammar.RunHCS.Contexts() {
		for _, e := range grammar.RunHCS.Tokens(c.Level) {
			if !e.Single && len(e.Bytes) > 0 && len(e.Bytes) <= longest && !seen[string(e.Bytes)] {
				seen[string(e.Bytes)] = true
				line(fmt.Sprintf("%s_%d", c.Level, len(seen)), e.Bytes)
			}
		}
	}
	return b
}
