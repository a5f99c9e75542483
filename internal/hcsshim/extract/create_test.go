package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// creationOf extracts from a shim with this text in create.go.
func creationOf(t *testing.T, body string) (*creation, error) {
	t.Helper()
	dir := shimWith(t, good)
	text := "package main\n\nimport (\n\t\"context\"\n\t\"errors\"\n\n\trunhcs \"" + optionsPackage + "\"\n\t\"example.com/api/task/v3\"\n\t\"example.com/log\"\n\ttypeurl \"example.com/typeurl/v2\"\n)\n\n" + body
	if err := os.WriteFile(filepath.Join(dir, "create.go"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	shim := RunHCS
	shim.create = true
	x, err := extractDecls(shim, dir, map[string]string{"example.com/api/task/v3": "task", "example.com/log/v2": "log"})
	if err != nil {
		return nil, err
	}
	return x.create, nil
}

// lines is a text without its layout.
func lines(text string) string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return strings.Join(all, "\n")
}

func TestCreation(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       string // the new functions' bodies
		imports    string
	}{
		{"as in v0.15.0", `
func (s *service) create(ctx context.Context, req *task.CreateTaskRequest) (*task.CreateTaskResponse, error) {
	s.prepare(ctx)
	shimOpts := &runhcs.Options{}
	if req.Options != nil {
		v, err := typeurl.UnmarshalAny(req.Options)
		if err != nil {
			return nil, err
		}
		shimOpts = v.(*runhcs.Options)
		if entry := log.G(ctx); entry.Enabled() {
			entry.Debug(shimOpts)
		}
	}
	empty := req.Options == nil || shimOpts.Debug
	return s.start(ctx, empty)
}`, `
func createOptionsInCreate(req *task.CreateTaskRequest) (_ *runhcs.Options, err error) {
	shimOpts := &runhcs.Options{}
	if req.Options != nil {
		v, err := typeurl.UnmarshalAny(req.Options)
		if err != nil {
			return nil, err
		}
		shimOpts = v.(*runhcs.Options)
	}
	return shimOpts, nil
}`, "task runhcs typeurl"},
		{"checked, and results to be trimmed and padded", `
func newTask(ctx context.Context, req *task.CreateTaskRequest) (a, b int, err error) {
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
	}
	return 0, 0, run(shimOpts)
}

func other(req *task.CreateTaskRequest) error {
	if req.ID != "" {
		return errors.New(req.ID)
	}
	return nil
}`, `
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
}`, "task runhcs typeurl"},
		{"by a helper", `
func create(req *task.CreateTaskRequest) (err error) {
	var shimOpts *runhcs.Options
	if req.Options != nil {
		if shimOpts, err = decodeAny(req.Options); err != nil {
			return err
		}
	}
	return run(shimOpts)
}

func decodeAny(a any) (*runhcs.Options, error) { return nil, errors.New("no") }`, `
func createOptionsInCreate(req *task.CreateTaskRequest) (_ *runhcs.Options, err error) {
	var shimOpts *runhcs.Options
	if req.Options != nil {
		if shimOpts, err = decodeAny(req.Options); err != nil {
			return nil, err
		}
	}
	return shimOpts, nil
}
func decodeAny(a any) (*runhcs.Options, error) { return nil, errors.New("no") }`, "errors task runhcs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := creationOf(t, test.body)
			if err != nil {
				t.Fatal(err)
			}
			var code []string
			for line := range strings.Lines(strings.Join(c.decls, "\n")) {
				if !strings.HasPrefix(line, "//") {
					code = append(code, line)
				}
			}
			if got, want := lines(strings.Join(code, "")), lines(test.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if len(c.imports) != len(strings.Fields(test.imports)) {
				t.Errorf("imports %v, want %s", c.imports, test.imports)
			}
			for _, name := range c.imports {
				if !strings.Contains(" "+test.imports+" ", " "+name+" ") {
					t.Errorf("imports %v, want %s", c.imports, test.imports)
				}
			}
		})
	}
}

// What has another shape is refused with one line that says what was found.
func TestCreationErrors(t *testing.T) {
	const head = "func create(ctx context.Context, req *task.CreateTaskRequest) error {\n\tvar shimOpts *runhcs.Options\n"
	for _, test := range []struct{ name, body, want string }{
		{"no function", "", "in the 0 functions of"},
		{"no block", head + "\treturn run(shimOpts)\n}", "in the 1 functions of"},
		{"no block, but a use", head + "\tshimOpts, err := decodeAny(req.Options)\n\treturn run(shimOpts, err)\n}", `create.go:15:29: create uses req.Options outside a block "if req.Options != nil"`},
		{"a block that sets nothing", head + "\tif req.Options != nil {\n\t\treturn run(req.Options)\n\t}\n\treturn nil\n}", "sets no variable of runhcs Options"},
		{"two blocks", head + strings.Repeat("\tif req.Options != nil {\n\t\tshimOpts = get(req.Options)\n\t}\n", 2) + "\treturn nil\n}", "create decodes the options twice"},
		{"no error", "func create(req *task.CreateTaskRequest) {\n\tvar shimOpts *runhcs.Options\n\tif req.Options != nil {\n\t\tshimOpts = get(req.Options)\n\t}\n}", "returns no error"},
		{"what is set elsewhere", head + "\tif req.Options != nil {\n\t\tshimOpts = get(ctx, req.Options)\n\t}\n\treturn nil\n}", "uses ctx, which create has from elsewhere"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := creationOf(t, test.body)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
		})
	}
}
