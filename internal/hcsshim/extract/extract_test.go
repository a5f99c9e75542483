package extract

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "extract-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	module.Dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

const (
	usualCall = "o, err := readOptions(os.Stdin)"
	usual     = "func readOptions(r io.Reader)" + returns
	returns   = " (*runhcs.Options, error) { return nil, nil }\n\n"
	none      = "func main() {}\n\n"
	entry     = "// Under test: "
)

// mainOf is a main function that calls something.
func mainOf(call string) string { return "\nfunc main() {\n\t" + call + "\n\tprintln(o, err)\n}\n\n" }

// extracted are the forms that the function under test, and what it reaches, may have.
var extracted = []example{
	{name: "usual", text: mainOf(usualCall) + usual,
		want: []string{"ReadOptions: readOptions,", "func readOptions(",
			entry + "cmd/usual.readOptions, by its name\n"}},
	{name: "in a helper", text: mainOf("var o any\n\terr := serve(os.Stdin)") +
		"func serve(in io.Reader) error { _, err := readOptions(in); return err }\n\n" + usual,
		want: []string{"ReadOptions: readOptions,"}, without: "func serve"},
	{name: "renamed", text: mainOf("o, err := load(os.Stdin)") + "func load(r io.Reader)" + returns,
		want: []string{"ReadOptions: load,", entry + "cmd/renamed.load, which is handed os.Stdin\n"}},
	{name: "another package", text: mainOf("o, err := away.Read(os.Stdin)"),
		want: []string{"ReadOptions: Read,", entry + "internal/away.Read, which is handed os.Stdin\n"}},
	{name: "contexts", text: mainOf("o, err := readOptions(context.TODO(), context.TODO(), os.Stdin)") +
		"func readOptions(a, b context.Context, r io.Reader)" + returns,
		want: []string{"ReadInContext: func(ctx context.Context, r io.Reader) " +
			"(*runhcs.Options, error) {\n\t\t\treturn readOptions(ctx, ctx, r)\n\t\t},",
			entry + "cmd/contexts.readOptions, by its name\n"}},
	{name: "chosen of two", text: mainOf("o, err := a(os.Stdin)\n\to, err = away.Read(os.Stdin)") +
		"func a(r io.Reader)" + returns, entry: "internal/away.Read",
		want: []string{"ReadOptions: Read,", entry + "internal/away.Read, which ENTRY has chosen\n"}},
	{name: "chosen", text: none + "func read(ctx context.Context, r io.Reader)" + returns, entry: "cmd/chosen.read",
		want: []string{"return read(ctx, r)", entry + "cmd/chosen.read, which ENTRY"}},
	{name: "chosen of bytes", text: none + "func parse(b []byte)" + returns, entry: "cmd/chosen-of-bytes.parse",
		want: []string{"b, err := io.ReadAll(r)\n", "return parse(b)", ".parse, which ENTRY"}},
	{name: "what is used", text: mainOf(usualCall) + `
func readOptions(r io.Reader) (*runhcs.Options, error) {
	limit := box{1}
	_ = limit.size()
	log.Print(prefix)
	return decode(r)
}

var prefix = strings.ToUpper("x")

// decode decodes.
func decode(r io.Reader) (*runhcs.Options, error) { return nil, nil }

func init() { prefix = set() }

func init() { unreached() }
-- DIR/other.go --
//go:build windows

package main

const (
	a = iota
	limit
)

type box struct{ n int }

func (b box) size() int { return b.n + limit }

func set() string { return "y" }

func unreached() {}
-- DIR/linux.go --
//go:build linux

package main

func readOptions() {}
-- DIR/serve_test.go --
package main

func helper() {}`,
		want: []string{"func readOptions(", "func decode(", "// decode decodes.", "var prefix", "type box struct",
			"func (b box) size", "a = iota", "func init() { prefix = set() }", "func set()"},
		without: "unreached", imports: "runhcs log io strings"},
	{name: "one name for two packages", text: mainOf(usualCall) + `
func readOptions(r io.Reader) (*runhcs.Options, error) { return helper(strings.ToLower("X")) }
-- DIR/helper.go --
//go:build windows

package main

import (
	runhcs "` + optionsPackage + `"
	strings "` + hcsshimModule + `/typeurl"
)

var (
	// count counts.
	count = strings.UnmarshalAny
)

func helper(s string) (*runhcs.Options, error) { return nil, strings.Fail(count) }`,
		want:    []string{"strings2.ToLower(", "strings.Fail(count)", "// count counts.\nvar count = strings.U"},
		without: "func main", imports: "runhcs strings io strings2"},
	{name: "names that are taken", text: mainOf(usualCall) + `
func readOptions(r io.Reader) (*runhcs.Options, error) { reserved(); return away.Read(r) }

func reserved() {}`,
		want: []string{"return Read(r)", "return nil, hcsshim2", "var hcsshim2 error", "return reserved(r)",
			"func reserved(io.", "{ reserved2();", "func reserved2() {}", "// From internal/away/away.go, line 11."},
		without: "away.Read", imports: "options io"},
}

// creations are the forms of a place that decodes the options of a CreateTaskRequest. That
// of the release is extracted as it stands when all is tested.
var creations = []example{
	{name: "checked, and results to be trimmed and padded", creates: true, text: none + usual + `
func (s *service) newTask(ctx context.Context, req *task.CreateTaskRequest) (a, b int, err error) {
	var shimOpts *runhcs.Options
	if req.GetOptions() != nil {
		v, err := typeurl.UnmarshalAny(req.GetOptions())
		if err != nil {
			log.G(ctx).Error("no")
			return 1, len(log.Name), err
		}
		opts, ok := v.(*runhcs.Options)
		if !ok {
			return
		}
		shimOpts = opts
		if entry := log.G(ctx); entry.Enabled() {
			entry.Debug(shimOpts)
		}
	}
	return 0, 0, run(shimOpts, req.Options == nil)
}

func other(req *task.CreateTaskRequest) error {
	if req.ID != "" {
		return errors.New(req.ID)
	}
	return nil
}`, want: []string{`// From serve.go, line 24, in newTask, without what only writes to the log.
func createOptionsInNewTask(req *task.CreateTaskRequest) (_ *runhcs.Options, err error) {
	var shimOpts *runhcs.Options
	if req.GetOptions() != nil {
		v, err := typeurl.UnmarshalAny(req.GetOptions())
		if err != nil {

			return nil, err
		}
		opts, ok := v.(*runhcs.Options)
		if !ok {
			return nil, err
		}
		shimOpts = opts

	}
	return shimOpts, nil
}`, `{File: "serve.go", Read: hcsshim.OfRequest(createOptionsInNewTask)}`},
		imports: "runhcs io runhcs task typeurl"},
	{name: "by a helper", creates: true, text: none + usual + `
func create(req *task.CreateTaskRequest) (err error) {
	var shimOpts *runhcs.Options
	if req.Options != nil {
		if shimOpts, err = decodeAny(req.Options); err != nil {
			return err
		}
	}
	return run(shimOpts)
}

func decodeAny(a any) (*runhcs.Options, error) { return nil, errors.New("no") }`, want: []string{`
func createOptionsInCreate(req *task.CreateTaskRequest) (_ *runhcs.Options, err error) {
	var shimOpts *runhcs.Options
	if req.Options != nil {
		if shimOpts, err = decodeAny(req.Options); err != nil {
			return nil, err
		}
	}
	return shimOpts, nil
}
`, `func decodeAny(a any) (*runhcs.Options, error) { return nil, errors.New("no") }`},
		imports: "runhcs io errors runhcs task"},
	{name: "constants", creates: true, text: none + `
func readOptions(r io.Reader) (*runhcs.Options, error) {
	_, _, _ = [...]byte{'{', 0x71}, -1, os.DevNull
	return limited(prefix+"b", limit)
}

func limited(string, int) (*runhcs.Options, error) { return nil, nil }

func unreached() { println("c", 5) }

const (
	prefix = "a"
	limit  = 1e3
)

func create(req *task.CreateTaskRequest) (err error) {
	var shimOpts *runhcs.Options
	if req.Options != nil {
		shimOpts = get(req.Options, "d", len("ef"))
	}
	return run(shimOpts, "g")
}
-- DIR/other.go --
//go:build windows

package main

import _ "` + hcsshimModule + `/internal/annotations"
-- internal/annotations/annotations.go --
package annotations

const key = "io.microsoft.key"`, want: []string{`
	Words:   []string{"NUL", "a", "ab", "b", "d", "ef", "io.microsoft.key", "{", "{q"},
	Numbers: []uint64{0x1, 0x2, 0x71, 0x7b, 0x3e8, 0xffffffffffffffff},
`, "Constants:   constants,"}},
}

var importedAs = regexp.MustCompile(`(?m)^\t(\w+) "`)

func TestExtracted(t *testing.T) {
	for _, e := range append(extracted, creations...) {
		t.Run(e.name, func(t *testing.T) {
			all, err := e.extract(t)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range e.want {
				if n := strings.Count(all, want); n != 1 {
					t.Errorf("%q is there %d times, want once, in:\n%s", want, n, all)
				}
			}
			var names []string
			for _, m := range importedAs.FindAllStringSubmatch(all, -1) {
				names = append(names, m[1])
			}
			if got := strings.Join(names, " "); e.imports != "" && got != e.imports {
				t.Errorf("imports %s, want %s", got, e.imports)
			}
			if e.without != "" && strings.Contains(all, e.without) {
				t.Errorf("%q is there in:\n%s", e.without, all)
			}
		})
	}
}

const (
	create = "func create(ctx context.Context, req *task.CreateTaskRequest) error {\n\tvar shimOpts *runhcs.Options\n"
	method = "type decoder struct{}\n\nfunc (decoder) read(r io.Reader)" + returns
)

// refused are programs that cannot be tested.
var refused = []example{
	{name: "none", text: none, err: "os.Stdin is handed to no function"},
	{name: "read in place", text: mainOf("o, err := io.ReadAll(os.Stdin)"),
		err: "handed to io.ReadAll at cmd/read-in-place/serve.go:19"},
	{name: "returns no error", text: mainOf("o, err := readOptions(os.Stdin), 0") +
		"func readOptions(r io.Reader) *runhcs.Options { return nil }",
		err: "serve.go:23: readOptions is a func(r io.Reader) *options.Options: want func(io.Reader) ("},
	{name: "struct", text: mainOf(usualCall) +
		"type config struct{ o *runhcs.Options }\n\nfunc readOptions(r io.Reader) (c config, err error) { return }",
		err: "readOptions is a func(r io.Reader) (c main.config, err error): want"},
	{name: "two", text: mainOf("o, err := a(os.Stdin)\n\to, err = away.Read(os.Stdin)") +
		"func a(r io.Reader)" + returns,
		err: "os.Stdin is handed to a at cmd/two/serve.go:19, away.Read at cmd/two/serve.go:20; ENTRY"},
	{name: "method", text: mainOf("o, err := decoder{}.read(os.Stdin)") + method, err: "handed to decoder{}.read at"},
	{name: "generic", text: mainOf(usualCall) + "func readOptions[R io.Reader](r R)" + returns,
		err: "readOptions is a func[R io.Reader](r R) ("},
	{name: "variable", text: mainOf(usualCall) + "var readOptions = func(r io.Reader)" + returns,
		err: "handed to readOptions at"},
	{name: "command line", text: mainOf("o, err := readOptions(os.Stdin, os.Args[1])") +
		"func readOptions(r io.Reader, id string)" + returns,
		err: "serve.go:23: readOptions is a func(r io.Reader, id string) ("},
	{name: "of bytes, not chosen", text: mainOf("b, err := io.ReadAll(os.Stdin)\n\to, err := readOptions(b)") +
		"func readOptions(b []byte)" + returns, err: "with ENTRY also one of []byte"},
	{name: "no Go", text: mainOf(usualCall) + "func readOptions(r io.Reader) (*runhcs.Options, error) {",
		err: "expected"},
	{name: "no such package", text: none, entry: "internal/nowhere.Read",
		err: "ENTRY=internal/nowhere.Read: the shim has no such function: want one such as " +
			"cmd/no-such-package.readOptions"},
	{name: "no options", text: none, entry: "cmd/no-options.main",
		err: "ENTRY=cmd/no-options.main: cmd/no-options/serve.go:17: main is a func(): want func(io.Reader) ("},
	{name: "no function", text: none + usual, creates: true, err: "no function of"},
	{name: "no block", creates: true, text: none + usual + create + "\treturn run(shimOpts)\n}",
		err: `has a block "if req.Options != nil"`},
	{name: "no block, but a use", creates: true, text: none + usual + create +
		"\tshimOpts, err := decodeAny(req.Options)\n\treturn run(shimOpts, err)\n}",
		err: `serve.go:23: create uses req.Options outside a block "if req.Options != nil"`},
	{name: "a block that sets nothing", creates: true, text: none + usual + create +
		"\tif req.Options != nil {\n\t\treturn run(req.Options)\n\t}\n\treturn nil\n}",
		err: "sets no variable of runhcs Options"},
	{name: "two blocks", creates: true, text: none + usual + create +
		strings.Repeat("\tif req.Options != nil {\n\t\tshimOpts = get(req.Options)\n\t}\n", 2) + "\treturn nil\n}",
		err: "create decodes the options twice"},
}

// What cannot be tested is refused with one line that says what was found.
func TestRefused(t *testing.T) {
	for _, e := range refused {
		t.Run(e.name, func(t *testing.T) {
			_, err := e.extract(t)
			oneLine(t, err, e.err)
		})
	}
}

// oneLine fails unless err is one line with want in it.
func oneLine(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line with %q", err, want)
	}
}
