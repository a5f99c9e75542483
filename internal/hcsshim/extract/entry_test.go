package extract

import (
	"strings"
	"testing"
)

// entryTest is a program whose main function and other declarations stand in one file.
type entryTest struct {
	name, main, decls string
	entry             string // the user's choice
	want              string // the decoder without its layout, or a part of the error
	under             string // a part of what is said of it
}

// extractAll extracts from the programs, with a package internal/away next to them.
func extractAll(t *testing.T, tests []entryTest) func(entryTest) (*extraction, error) {
	t.Helper()
	files := `-- internal/away/away.go --
//go:build windows

package away

import (
	"io"

	"` + optionsPackage + `"
)

// Read reads.
func Read(r io.Reader) (*options.Options, error) { return reserved(r) }

func reserved(io.Reader) (*options.Options, error) { return nil, Name }

// Name has a name that package hcsshim has, too.
var Name error
`
	for _, test := range tests {
		dir := "cmd/" + slug(test.name) + "/"
		files += "-- " + dir + "serve.go --\npackage main\n\nimport (\n\t\"bufio\"\n\t\"context\"\n\t\"io\"\n\t\"os\"\n\n\t\"" + hcsshimModule + "/internal/away\"\n\topts \"" + optionsPackage + "\"\n)\n\n" +
			"var _ = []any{bufio.NewReader, context.Background, io.EOF, os.Stdin, away.Read, opts.Options{}}\n\nfunc main() {\n\t" + test.main + "\n\tprintln(o, err)\n}\n\n" + test.decls + "\n"
	}
	program := programs(t, files)
	return func(test entryTest) (*extraction, error) {
		p, err := program(slug(test.name))
		if err != nil {
			return nil, err
		}
		return extractDecls(Shim{Name: slug(test.name), entry: test.entry}, p)
	}
}

const (
	usualCall = "o, err := readOptions(os.Stdin)"
	returns   = " (*opts.Options, error) { return nil, nil }"
	head      = "func(r io.Reader) (*opts.Options, error) { "
)

func TestEntry(t *testing.T) {
	tests := []entryTest{
		{name: "usual", main: usualCall, decls: "func readOptions(r io.Reader)" + returns, want: "readOptions"},
		{name: "renamed", main: "o, err := load(os.Stdin)", decls: "func load(r io.Reader)" + returns, want: "load", under: "cmd/renamed.load, which is handed os.Stdin at cmd/renamed/serve.go:16"},
		{name: "another package", main: "o, err := away.Read(os.Stdin)", want: "Read", under: "internal/away.Read, which"},
		{name: "variables", main: "in := os.Stdin\n\tvar r io.Reader = in\n\to, err := readOptions(r)", decls: "func readOptions(r io.Reader)" + returns, want: "readOptions"},
		{name: "buffered", main: "o, err := readOptions(bufio.NewReader(os.Stdin))", decls: "func readOptions(r *bufio.Reader)" + returns, want: head + "return readOptions(bufio.NewReader(r)) }", under: "buffered.readOptions"},
		{name: "through a helper", main: "var o any\n\terr := serve(os.Stdin)", decls: "func serve(in io.ReadCloser) error { _, err := readOptions(in); return err }\n\nfunc readOptions(r io.Reader)" + returns, want: "readOptions"},
		{name: "contexts", main: "ctx, end := context.WithCancel(context.Background())\n\tdefer end()\n\to, err := readOptions(ctx, context.TODO(), os.Stdin)", decls: "func readOptions(a, b context.Context, r io.Reader)" + returns, want: head + "return readOptions(context.Background(), context.Background(), r) }", under: "contexts.readOptions"},
		{name: "struct", main: usualCall, decls: "type config struct{ n int; shim *opts.Options }\n\nfunc readOptions(r io.Reader) (config, error) { return config{}, nil }", want: head + "v, err := readOptions(r) return v.shim, err }", under: "struct.readOptions"},
		{name: "address of a struct", main: usualCall, decls: "type config struct{ *opts.Options }\n\nfunc readOptions(r io.Reader) (*config, error) { return nil, nil }", want: head + "v, err := readOptions(r) if v == nil { return nil, err } return v.Options, err }", under: "readOptions"},
		{name: "method", main: "d := newDecoder()\n\to, err := d.read(os.Stdin)", decls: "type decoder struct{}\n\nfunc newDecoder() *decoder { return new(decoder) }\n\nfunc (d *decoder) read(r io.Reader)" + returns, want: "(newDecoder()).read", under: "cmd/method.decoder.read"},
		{name: "method of a zero value", main: "var d decoder\n\to, err := d.read(os.Stdin)", decls: "type decoder struct{}\n\nfunc (d *decoder) read(r io.Reader)" + returns, want: "(*new(decoder)).read", under: "decoder.read"},
		{name: "generic", main: usualCall, decls: "func readOptions[R io.Reader](r R)" + returns, want: head + "return readOptions(r) }", under: "readOptions"},
		{name: "generic result", main: "o, err := read[*opts.Options](os.Stdin)", decls: "func read[T any](r io.Reader) (v T, err error) { return v, err }", want: "read[*opts.Options]", under: "generic-result.read"},
		{name: "variable", main: usualCall, decls: "var readOptions = func(r io.Reader)" + returns, want: "readOptions"},
		{name: "literal", main: "read := func(r io.Reader)" + returns + "\n\to, err := read(os.Stdin)", want: "(func(r io.Reader) (*opts.Options, error) { return nil, nil })", under: "read, which"},
		{name: "chosen of two", main: "o, err := a(os.Stdin)\n\to, err = away.Read(os.Stdin)", decls: "func a(r io.Reader)" + returns, entry: "internal/away.Read", want: "Read", under: "internal/away.Read, which ENTRY has chosen"},
		{name: "launch", main: "id, space := os.Args[0], os.Args[1]\n\to, err := readOptions(os.Stdin, space, id)", decls: "func readOptions(r io.Reader, namespace, sandboxID string)" + returns, want: "func(r io.Reader, id, namespace string) (*opts.Options, error) { return readOptions(r, namespace, id) }", under: "launch.readOptions, which"},
		{name: "chosen with a launch", main: "var o, err any", decls: "func read(id, ns string, r io.Reader)" + returns, entry: "cmd/chosen-with-a-launch.read", want: "func(r io.Reader, id, namespace string) (*opts.Options, error) { return read(id, namespace, r) }", under: "ENTRY"},
		{name: "chosen", main: "var o, err any", decls: "func read(ctx context.Context, r io.Reader)" + returns, entry: "cmd/chosen.read", want: "func(r io.Reader) (*opts.Options, error) { return read(context.Background(), r) }", under: "ENTRY"},
	}
	extract := extractAll(t, tests)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x, err := extract(test)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(strings.Fields(x.decoder), " "); got != test.want {
				t.Errorf("decoder %s, want %s", got, test.want)
			}
			if !strings.Contains(x.entry, test.under) || (x.entry == "") != (test.under == "") {
				t.Errorf("it says %q, want %q", x.entry, test.under)
			}
		})
	}
}

// A name that package hcsshim has itself, or another of the packages, is given up.
func TestEntryRenames(t *testing.T) {
	test := entryTest{name: "shim", main: "o, err := readOptions(os.Stdin)", decls: "func readOptions(r io.Reader) (*opts.Options, error) { reserved(); return away.Read(r) }\n\nfunc reserved() {}"}
	x, err := extractAll(t, []entryTest{test})(test)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(x.decls, "\n")
	for _, want := range []string{"return Read(r)", "return nil, Name2", "var Name2 error", "func reserved()", "return reserved2(r)", "func reserved2(", "// From internal/away/away.go, line 12."} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in:\n%s", want, all)
		}
	}
}

// What cannot be tested is refused with one line that says what was found.
func TestEntryErrors(t *testing.T) {
	none := "var o, err any"
	tests := []entryTest{
		{name: "none", main: none, want: "os.Stdin is handed to no function"},
		{name: "read in place", main: "o, err := io.ReadAll(os.Stdin)", want: "it is handed to io.ReadAll at cmd/read-in-place/serve.go:16, which returns ([]byte, error)"},
		{name: "no error", main: "o, err := readOptions(os.Stdin), 0", decls: "func readOptions(r io.Reader) *opts.Options { return nil }", want: "it is handed to readOptions at cmd/no-error/serve.go:16, which returns *options.Options"},
		{name: "by value", main: usualCall, decls: "func readOptions(r io.Reader) (o opts.Options, err error) { return }", want: "which returns (o options.Options, err error)"},
		{name: "two", main: "o, err := a(os.Stdin)\n\to, err = away.Read(os.Stdin)", decls: "func a(r io.Reader)" + returns, want: "os.Stdin is handed to 2 functions that return options: cmd/two.a (cmd/two/serve.go:16), internal/away.Read (cmd/two/serve.go:17)"},
		{name: "two fields", main: usualCall, decls: "type config struct{ a, b *opts.Options }\n\nfunc readOptions(r io.Reader) (c config, err error) { return }", want: "returns main.config, which has 2 fields with options: a, b"},
		{name: "made of a parameter", main: "o, err := serve(os.Args, os.Stdin)", decls: "type decoder struct{}\n\nfunc newDecoder(args []string) decoder { return decoder{} }\n\nfunc (decoder) read(r io.Reader)" + returns + "\n\nfunc serve(args []string, in io.Reader) (o any, err error) { d := newDecoder(args); return d.read(in) }", want: "decoder.read cannot be called from elsewhere: cmd/made-of-a-parameter/serve.go:26: it needs args, which has no value of its own"},
		{name: "changed", main: "d := decoder{}\n\td.n = 1\n\to, err := d.read(os.Stdin)", decls: "type decoder struct{ n int }\n\nfunc (decoder) read(r io.Reader)" + returns, want: "serve.go:17: it needs d, which is set here"},
		{name: "a variable that is set", main: "readOptions = away.Read\n\to, err := readOptions(os.Stdin)", decls: "var readOptions func(io.Reader) (*opts.Options, error)", want: "serve.go:16: it needs readOptions, which is set here"},
		{name: "embedded file", main: usualCall, decls: "//go:embed x.json\nvar text string\n\nfunc readOptions(r io.Reader) (*opts.Options, error) { _ = text; return nil, nil }", want: "//go:embed"},
		{name: "no Go", main: usualCall, decls: "func readOptions(r io.Reader) (*opts.Options, error) {", want: "expected"},
		{name: "no such package", main: none, entry: "internal/nowhere.Read", want: "ENTRY=internal/nowhere.Read: the shim has no package internal/nowhere: want one such as cmd/no-such-package.main"},
		{name: "no such function", main: none, entry: "internal/away.Red", want: "no function Red in"},
		{name: "no function", main: none, entry: "internal/away.Name", want: "is error: want a function"},
		{name: "no options", main: none, entry: "cmd/no-options.main", want: "serve.go:15 returns (): want (*options.Options, error)"},
		{name: "other parameters", main: none, decls: "func read(b []byte)" + returns, entry: "cmd/other-parameters.read", want: "takes b []byte: want an io.Reader, contexts, and strings"},
	}
	extract := extractAll(t, tests)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := extract(test)
			oneLine(t, err, test.want)
		})
	}
}

// What the compiler says of the extracted code is told of the declaration that it is from.
func TestComplaint(t *testing.T) {
	b := &Build{Root: t.TempDir()}
	if err := writeFile(b.path(decoderFile), []byte("package hcsshim\n// From serve.go, line 280.\nx\n// From other.go, line 3.\n")); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"# pkg\n./a/zz_readoptions.go:3:1: undefined: syscall.X\n./b": "what is from serve.go, line 280: undefined: syscall.X",
		"no such\nmodule": "no such module",
	} {
		if got := b.complaint(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
