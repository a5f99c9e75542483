package table

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// typically is a case of the contract's table of equivalences that says typical.
func (t *table) typically(name, note string, payload ...wire.Part) {
	t.add(t.of("typical", "Equivalent"), name, note, payload...)
}

// equal is two such cases of one point, as both, which say what their class says.
func (t *table) equal(name, class, note string, value ...wire.Part) {
	t.both(t.of(class, "Equivalent"), name, note, value...)
}

func (t *table) urls() {
	for _, u := range [][2]string{
		{"googleapis", googleapis}, {"slash", "/"}, {"slashes", "//"}, {"other", "example.com/a/b/"},
		{"non-ascii", "ü/"}, {"own-name", optionsName + "/"}, {"colon", "urn:x/"},
	} {
		t.typically("legacy_url_"+u[0], "", anyOf(u[1]+optionsName, parts(typical)...)...)
		t.typically("bootstrap_url_"+u[0], "", bootstrap(extensionOf(u[1]+optionsName, parts(typical)...))...)
	}
}

func (t *table) orders() {
	reversed := func(m wire.Message) wire.Message {
		slices.Reverse(m)
		return m
	}
	any, ours := reversed(legacy(parts(typical)...)), extension(parts(typical)...)
	t.equal("order_options-reversed", "typical", "", reversed(parts(typical))...)
	t.typically("legacy_order_value-first", "", any...)
	t.typically("bootstrap_order_any-value-first", "", bootstrap(wire.Sub(8, wire.Sub(1, any...)))...)
	t.typically("bootstrap_order_reversed", "", reversed(bootstrap(ours))...)
	t.typically("bootstrap_order_extension-first", "", append(wire.Message{ours}, bootstrap()...)...)
}

func (t *table) varints() {
	wide := func(tag, value int, m wire.Message) wire.Message {
		for i, p := range m {
			m[i] = p.WideTag(tag).Wide(value)
		}
		return m
	}
	params := func() wire.Message { return bootstrap(wire.Int(3, 4), extension(parts(typical)...)) }
	refusable := free(t.of("typical", "Equivalent"), "wide-tag", false) // tags and lengths of more than five bytes
	t.both(refusable, "varint_tags-wide", "", wide(10, 0, parts(typical))...)
	t.both(refusable, "varint_values-wide", "Values and lengths.", wide(0, 10, parts(typical))...)
	t.add(refusable, "legacy_varint_any-wide", "", wide(10, 10, legacy(parts(typical)...))...)
	t.add(refusable, "bootstrap_varint_params-wide", "", wide(10, 10, params())...)
	t.equal("varint_tags-of-5-bytes", "typical", "", wide(5, 0, parts(typical))...)
	t.equal("varint_values-of-5-bytes", "typical", "Values and lengths.", wide(0, 5, parts(typical))...)
	t.typically("bootstrap_varint_params-of-5-bytes", "", wide(5, 5, params())...)
	t.equal("varint_bool-2", "debug", "Any bool but 0 is true.", wire.Varint(debug, 2))
	t.equal("varint_bool-high-bit", "debug", "All 64 bits count.", wire.Varint(debug, 1<<63))
	t.equal("varint_int32-high-bits", "vm-processor-count_1", "Only the low 32 bits count.",
		wire.Varint(8, 0xabcdef0100000001))
	t.equal("varint_int32-negative-short", "vm-processor-count_-1", "-1 in five bytes instead of ten.",
		wire.Varint(8, 0xffffffff))
	t.equal("varint_enum-high-bits", "sandbox-isolation_1", "", wire.Varint(6, 1<<40|1))
}

func (t *table) repeats() {
	any, ours := legacy(parts(typical)...), extension(parts(typical)...)
	first := append(wire.Message{wire.Varint(debug, 0)},
		parts(`{"sandboxPlatform":"linux/amd64","defaultContainerAnnotations":{"team":"before"},"scrubLogs":false}`)...)
	t.equal("repeat_scalars", "typical", "The last one counts.", append(first, parts(typical)...)...)
	t.equal("repeat_to-zero", "zero", "A later zero undoes an earlier value.", wire.Varint(debug, 1),
		wire.Varint(debug, 0))
	t.equal("repeat_entry-key", "annotations_one", "", wire.Sub(annotations,
		wire.String(1, "x"), wire.String(2, "y"), wire.String(1, "k"), wire.String(2, "v")))
	t.typically("legacy_repeat_value", "", append(wire.Message{wire.String(2, "overwritten")}, any...)...)
	t.typically("legacy_repeat_type-url", "", append(anyOf(emptyName), any...)...)
	t.typically("bootstrap_repeat_identity", "", append(identified("other", "other"), bootstrap(ours)...)...)
	t.typically("bootstrap_repeat_any-in-pieces", "Type URL and value in two pieces of one Any.",
		bootstrap(wire.Sub(8, wire.Sub(1, any[0]), wire.Sub(1, any[1])))...)
	t.typically("bootstrap_repeat_any-overwritten", "",
		bootstrap(wire.Sub(8, wire.Sub(1, anyOf("x", text("y"))...), wire.Sub(1, any...)))...)
}

func (t *table) defaults() {
	var zeros wire.Message
	for _, num := range []protowire.Number{1, 2, 6, 8, 9, 11, 19} { // bools, enums and numbers of Options
		zeros = append(zeros, wire.Varint(num, 0))
	}
	for _, num := range []protowire.Number{3, 5, 15, 16} { // strings
		zeros = append(zeros, wire.String(num, ""))
	}
	t.equal("default_explicit-zeros", "zero", "", zeros...)
	t.equal("default_entry-without-key", "annotations_empty-key", "", wire.Sub(annotations, wire.String(2, "v")))
	t.equal("default_entry-without-value", "annotations_empty-value", "", wire.Sub(annotations, wire.String(1, "k")))
	t.equal("default_entry-empty", "annotations_empty-both", "", wire.Sub(annotations))
	t.typically("bootstrap_default_log-level-zero", "", bootstrap(wire.Int(3, 0), extension(parts(typical)...))...)
}

func (t *table) unknowns() {
	any, ours := legacy(parts(typical)...), extension(parts(typical)...)
	for i, name := range []string{"varint", "fixed32", "fixed64", "bytes", "group", "group-empty"} {
		around := func(num protowire.Number, m ...wire.Part) wire.Message {
			unknown := wire.Message{
				wire.Varint(num, 1<<63), wire.Fixed32(num, 1), wire.Fixed64(num, 1), wire.Bytes(num, []byte{0xff, 0}),
				wire.Group(num, wire.Group(1, wire.Varint(3, 4))), wire.Group(num),
			}[i : i+1]
			return slices.Concat(unknown, m, unknown)
		}
		t.equal("unknown_options-"+name, "typical", "", around(1000, parts(typical)...)...)
		t.equal("unknown_entry-"+name, "annotations_one", "",
			wire.Sub(annotations, around(3, wire.String(1, "k"), wire.String(2, "v"))...))
		t.typically("legacy_unknown_any-"+name, "", around(10, any...)...)
		t.typically("bootstrap_unknown_params-"+name, "", around(10, bootstrap(ours)...)...)
		t.typically("bootstrap_unknown_extension-"+name, "",
			bootstrap(wire.Sub(8, around(2, wire.Sub(1, any...))...))...)
		t.typically("bootstrap_unknown_any-"+name, "", bootstrap(wire.Sub(8, wire.Sub(1, around(3, any...)...)))...)
	}
	t.equal("unknown_options-wrong-wire-type", "typical",
		"A known number with another wire type is an unknown field.", append(parts(typical),
			wire.Bytes(debug, []byte{1}), wire.Varint(5, 7), wire.Fixed32(9, 7), wire.Varint(annotations, 1))...)
	t.typically("legacy_unknown_bootstrap-numbers",
		"Fields 3 to 9 with a wire type that BootstrapParams does not give them are no sign of it.",
		append(any, wire.Bytes(3, []byte{1}), wire.Varint(4, 1), wire.Varint(8, 1), wire.Fixed32(9, 1))...)
	t.typically("legacy_unknown_max-number", "", append(any, wire.Varint(protowire.MaxValidNumber, 1))...)
}

func (t *table) ambients() {
	ours := extension(parts(typical)...)
	t.typically("bootstrap_ambient_shortest", "", identified("0", "0", ours)...)
	t.typically("bootstrap_ambient_longest", "", identified(longest, longest, ours)...)
	t.typically("bootstrap_ambient_non-ascii-paths", "",
		bootstrap(ours, wire.String(7, `C:\Prögramme\containerd.exe`), wire.String(9, "/tmp/ü"))...)
	t.typically("bootstrap_ambient_empty-strings", "",
		wire.String(1, ""), wire.String(2, ""), wire.String(4, ""), wire.String(5, ""), ours)
}

// pieces is an Any in pieces, each of which must be well-formed, and entries and fields that a later
// one overwrites.
func (t *table) pieces() {
	any := legacy(parts(typical)...)
	whole, value := any.Encode(), any[1]
	in := func(pieces ...wire.Part) wire.Message { return bootstrap(wire.Sub(8, pieces...)) }
	piece := func(b []byte) wire.Part { return wire.Bytes(1, b) }
	malformed := t.rows("malformed_bootstrap_pieces_", answered(contract.Malformed, "Damaged"))
	const note = "Each piece must be well-formed by itself."
	for _, cut := range []int{1, 2, 10, len(optionsName) + 2, len(optionsName) + 3, len(whole) - 1} {
		if _, rest := wire.Parse(whole[:cut]); len(rest) > 0 {
			malformed(fmt.Sprintf("cut-at-%d", cut), note, in(piece(whole[:cut]), piece(whole[cut:]))...)
		}
	}
	malformed("cut-twice", note, in(piece(whole[:5]), piece(whole[5:20]), piece(whole[20:]))...)
	malformed("damaged-first", note, in(piece([]byte{0xff}), piece(whole))...)
	malformed("damaged-between", note, in(wire.Sub(1, any[0]), piece([]byte{0xff}), wire.Sub(1, value))...)
	malformed("damaged-last", note, in(piece(whole), piece([]byte{0xff}))...)
	t.typically("bootstrap_pieces_empty-between", "", in(wire.Sub(1, any[0]), wire.Sub(1), wire.Sub(1, value),
		wire.Sub(1))...)
	t.add(t.of("zero", "Equivalent"), "bootstrap_pieces_empty-value-last",
		"A later value is the value, also an empty one.", in(piece(whole), wire.Sub(1, wire.String(2, "")))...)
	t.add(answered(contract.None, "Equivalent"), "bootstrap_pieces_empty-url-last",
		"A later type URL is the type URL.", in(piece(whole), wire.Sub(1, wire.String(1, "")))...)
	damaged := wire.Sub(annotations, wire.String(1, "k"), text("\x0f"))
	entries := []wire.Part{damaged, wire.Sub(annotations, wire.String(1, "k"), wire.String(2, "v"))}
	malformed("damaged-entry-overwritten", "", bootstrap(extension(entries...))...)
	t.add(answered(contract.Malformed, "Damaged"), "malformed_legacy_damaged-entry-overwritten", "",
		legacy(entries...)...)
}

// boundaries is what is easily read wrongly because of its size, or of where it stands.
func (t *table) boundaries() {
	for _, power := range []int{64, 4096} {
		text := strings.Repeat("x", power-3) + "é€🦊"
		t.both(says("", fmt.Sprintf(`{"logLevel":%q}`, text), "Range"), fmt.Sprintf("across_%d", power),
			"Characters of several bytes across a power of two.", wire.String(16, text))
	}
	for _, size := range []int{101, 129, 257} {
		url := strings.Repeat("x", size-len("/"+optionsName)) + "/" + optionsName
		t.typically(fmt.Sprintf("legacy_url_of-%d-bytes", size), "", anyOf(url, parts(typical)...)...)
		t.typically(fmt.Sprintf("bootstrap_url_of-%d-bytes", size), "",
			bootstrap(extensionOf(url, parts(typical)...))...)
	}
	var many wire.Message
	for i := range 101 {
		many = append(many, wire.Varint(protowire.Number(1000+i), 1))
	}
	t.equal("unknown_101-distinct", "typical", "", append(many, parts(typical)...)...)
	for _, namespace := range []string{"moby", "buildkit"} {
		t.typically("bootstrap_ambient_namespace-"+namespace, "No namespace is special.",
			identified("web-1", namespace, extension(parts(typical)...))...)
	}
}
