package extract

import (
	"strings"
	"testing"
)

// creators are programs with these texts in create.go, by the names of tests.
func creators(t *testing.T, bodies map[string]string) func(name string) (*creation, error) {
	t.Helper()
	var files strings.Builder
	for name, body := range bodies {
		dir := "cmd/" + slug(name) + "/"
		files.WriteString(shimFiles(dir, good) + "-- " + dir +
			"create.go --\npackage main\n\nimport (\n\t\"context\"\n\t\"errors\"\n\n\trunhcs \"" + optionsPackage +
			"\"\n\t\"example.com/api/task/v3\"\n\t\"example.com/log/v2\"\n\ttypeurl \"example.com/typeurl/v2\"\n)\n\n" +
			body + "\n")
	}
	program := programs(t, files.String())
	return func(name string) (*creation, error) {
		p, err := program(slug(name))
		if err != nil {
			return nil, err
		}
		x, err := extractDecls(Shim{Name: slug(name), create: true}, p)
		if err != nil {
			return nil, err
		}
		return x.create, nil
	}
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
	tests := []struct {
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
	}
	bodies := make(map[string]string)
	for _, test := range tests {
		bodies[test.name] = test.body
	}
	creationOf := creators(t, bodies)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := creationOf(test.name)
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
	const head = "func create(ctx context.Context, req *task.CreateTaskRequest) error {\n\tvar shimOpts " +
		"*runhcs.Options\n"
	tests := []struct{ name, body, want string }{
		{"no function", "", "in the 0 functions of"},
		{"no block", head + "\treturn run(shimOpts)\n}", "in the 1 functions of"},
		{"no block, but a use", head + "\tshimOpts, err := decodeAny(req.Options)\n\treturn run(shimOpts, err)\n}",
			`create.go:15: create uses req.Options outside a block "if req.Options != nil"`},
		{"a block that sets nothing", head +
			"\tif req.Options != nil {\n\t\treturn run(req.Options)\n\t}\n\treturn nil\n}",
			"sets no variable of runhcs Options"},
		{"two blocks", head + strings.Repeat("\tif req.Options != nil {\n\t\tshimOpts = get(req.Options)\n\t}\n", 2) +
			"\treturn nil\n}", "create decodes the options twice"},
		{"no error",
			"func create(req *task.CreateTaskRequest) {\n\tvar shimOpts *runhcs.Options\n\tif req.Options != nil " +
				"{\n\t\tshimOpts = get(req.Options)\n\t}\n}", "returns no error"},
		{"what is set elsewhere", head +
			"\tif req.Options != nil {\n\t\tshimOpts = get(ctx, req.Options)\n\t}\n\treturn nil\n}",
			"uses ctx, which create has from elsewhere"},
	}
	bodies := make(map[string]string)
	for _, test := range tests {
		bodies[test.name] = test.body
	}
	creationOf := creators(t, bodies)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := creationOf(test.name)
			oneLine(t, err, test.want)
		})
	}
}
