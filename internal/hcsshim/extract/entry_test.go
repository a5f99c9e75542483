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

// entries loads the programs, and returns a function that extracts from one.
func entries(t *testing.T, tests []entryTest) func(entryTest) (*extraction, error) {
	programs := make(map[string]string)
	for _, test := range tests {
		programs[test.name] = "\nfunc main() {\n\t" + test.main + "\n\tprintln(o, err)\n}\n\n" + test.decls
	}
	extract := extractor(t, programs)
	return func(test entryTest) (*extraction, error) { return extract(test.name, Shim{chosen: test.entry}) }
}

const (
	usualCall = "o, err := readOptions(os.Stdin)"
	returns   = " (*runhcs.Options, error) { return nil, nil }"
	decoder   = "func(r io.Reader) (*runhcs.Options, error) { "
)

func TestEntry(t *testing.T) {
	tests := []entryTest{
		{name: "usual", main: usualCall, decls: "func readOptions(r io.Reader)" + returns, want: "readOptions"},
		{name: "in a helper", main: "var o any\n\terr := serve(os.Stdin)",
			decls: "func serve(in io.Reader) error { _, err := readOptions(in); return err }\n\nfunc readOptions(r " +
				"io.Reader)" + returns,
			want: "readOptions"},
		{name: "renamed", main: "o, err := load(os.Stdin)", decls: "func load(r io.Reader)" + returns, want: "load",
			under: "cmd/renamed.load, which is handed os.Stdin"},
		{name: "another package", main: "o, err := away.Read(os.Stdin)", want: "Read",
			under: "internal/away.Read, which is handed os.Stdin"},
		{name: "contexts", main: "o, err := readOptions(context.TODO(), context.TODO(), os.Stdin)",
			decls: "func readOptions(a, b context.Context, r io.Reader)" + returns,
			want:  decoder + "return readOptions(context.Background(), context.Background(), r) }",
			under: "contexts.readOptions"},
		{name: "chosen of two", main: "o, err := a(os.Stdin)\n\to, err = away.Read(os.Stdin)",
			decls: "func a(r io.Reader)" + returns, entry: "internal/away.Read", want: "Read",
			under: "internal/away.Read, which ENTRY has chosen"},
		{name: "chosen", main: "var o, err any", decls: "func read(ctx context.Context, r io.Reader)" + returns,
			entry: "cmd/chosen.read", want: decoder + "return read(context.Background(), r) }", under: "ENTRY"},
	}
	extract := entries(t, tests)
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

// What cannot be tested is refused with one line that says what was found.
func TestEntryErrors(t *testing.T) {
	none := "var o, err any"
	const method = "type decoder struct{}\n\nfunc (decoder) read(r io.Reader)" + returns
	tests := []entryTest{
		{name: "none", main: none, want: "os.Stdin is handed to no function"},
		{name: "read in place", main: "o, err := io.ReadAll(os.Stdin)",
			want: "handed to io.ReadAll at cmd/read-in-place/serve.go:19"},
		{name: "no error", main: "o, err := readOptions(os.Stdin), 0",
			decls: "func readOptions(r io.Reader) *runhcs.Options { return nil }",
			want:  "serve.go:23: readOptions is a func(r io.Reader) *options.Options: want func(io.Reader) ("},
		{name: "struct", main: usualCall,
			decls: "type config struct{ o *runhcs.Options }\n\nfunc readOptions(r io.Reader) (c config, err error) { " +
				"return }",
			want: "readOptions is a func(r io.Reader) (c main.config, err error): want"},
		{name: "two", main: "o, err := a(os.Stdin)\n\to, err = away.Read(os.Stdin)", decls: "func a(r io.Reader)" +
			returns,
			want: "os.Stdin is handed to a at cmd/two/serve.go:19, away.Read at cmd/two/serve.go:20; ENTRY"},
		{name: "method", main: "o, err := decoder{}.read(os.Stdin)", decls: method,
			want: "handed to decoder{}.read at"},
		{name: "generic", main: usualCall, decls: "func readOptions[R io.Reader](r R)" + returns,
			want: "readOptions is a func[R io.Reader](r R) ("},
		{name: "variable", main: usualCall, decls: "var readOptions = func(r io.Reader)" + returns,
			want: "handed to readOptions at"},
		{name: "command line", main: "o, err := readOptions(os.Stdin, os.Args[1])",
			decls: "func readOptions(r io.Reader, id string)" + returns,
			want:  "serve.go:23: readOptions is a func(r io.Reader, id string) ("},
		{name: "embedded file", main: usualCall,
			decls: "//go:embed x.json\nvar text string\n\nfunc readOptions(r io.Reader) (*runhcs.Options, error) " +
				"{ _ = text; return nil, nil }",
			want: "//go:embed"},
		{name: "no Go", main: usualCall, decls: "func readOptions(r io.Reader) (*runhcs.Options, error) {",
			want: "expected"},
		{name: "no such package", main: none, entry: "internal/nowhere.Read",
			want: "ENTRY=internal/nowhere.Read: the shim has no package internal/nowhere: want a function such as " +
				"cmd/no-such-package.main"},
		{name: "no such function", main: none, entry: "internal/away.Red", want: "no function Red in"},
		{name: "no options", main: none, entry: "cmd/no-options.main",
			want: "ENTRY=cmd/no-options.main: cmd/no-options/serve.go:18: main is a func(): want func(io.Reader) ("},
	}
	extract := entries(t, tests)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := extract(test)
			oneLine(t, err, test.want)
		})
	}
}

// What the compiler says of the extracted code is told of the declaration that it is from.
func TestComplaint(t *testing.T) {
	b := &Build{Dir: t.TempDir()}
	if err := writeFile(b.path(decoderFile),
		[]byte("package extracted\n// From serve.go, line 280.\nx\n// From other.go, line 3.\n")); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"# pkg\n./a/readoptions.go:3:1: undefined: syscall.X\n./b": "what is from serve.go, line 280: undefined: " +
			"syscall.X",
		"no such\nmodule": "no such module",
	} {
		if got := b.complaint(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
