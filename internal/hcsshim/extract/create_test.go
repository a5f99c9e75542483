package extract

import (
	"strings"
	"testing"
)

// usual is a program's function under test.
const usual = "func readOptions(io.Reader) (*runhcs.Options, error) { return nil, nil }\n\n"

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

// That of the release is extracted as it stands when all is tested.
func TestCreation(t *testing.T) {
	tests := []struct {
		name, body string
		want       string // the new functions' bodies
		imports    string
	}{
		{"checked, and results to be trimmed and padded", `
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
}`, "runhcs task typeurl"},
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
func decodeAny(a any) (*runhcs.Options, error) { return nil, errors.New("no") }`, "errors runhcs task"},
	}
	programs := make(map[string]string)
	for _, test := range tests {
		programs[test.name] = usual + test.body
	}
	extract := extractor(t, programs)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x, err := extract(test.name, Shim{create: true})
			if err != nil {
				t.Fatal(err)
			}
			var code []string
			for line := range strings.Lines(strings.Join(x.create.decls, "\n")) {
				if !strings.HasPrefix(line, "//") {
					code = append(code, line)
				}
			}
			if got, want := lines(strings.Join(code, "")), lines(test.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			hasImports(t, x.create, test.imports)
		})
	}
}

// What has another shape is refused with one line that says what was found.
func TestCreationErrors(t *testing.T) {
	const create = "func create(ctx context.Context, req *task.CreateTaskRequest) error {\n\tvar shimOpts " +
		"*runhcs.Options\n"
	tests := []struct{ name, body, want string }{
		{"no function", "", "no function of"},
		{"no block", create + "\treturn run(shimOpts)\n}", `has a block "if req.Options != nil"`},
		{"no block, but a use", create + "\tshimOpts, err := decodeAny(req.Options)\n\treturn run(shimOpts, err)\n}",
			`serve.go:21: create uses req.Options outside a block "if req.Options != nil"`},
		{"a block that sets nothing", create +
			"\tif req.Options != nil {\n\t\treturn run(req.Options)\n\t}\n\treturn nil\n}",
			"sets no variable of runhcs Options"},
		{"two blocks", create + strings.Repeat("\tif req.Options != nil {\n\t\tshimOpts = get(req.Options)\n\t}\n", 2) +
			"\treturn nil\n}", "create decodes the options twice"},
		{"no error",
			"func create(req *task.CreateTaskRequest) {\n\tvar shimOpts *runhcs.Options\n\tif req.Options != nil " +
				"{\n\t\tshimOpts = get(req.Options)\n\t}\n}", "returns no error"},
		{"what is set elsewhere", create +
			"\tif req.Options != nil {\n\t\tshimOpts = get(ctx, req.Options)\n\t}\n\treturn nil\n}",
			"uses ctx, which create has from elsewhere"},
	}
	programs := make(map[string]string)
	for _, test := range tests {
		programs[test.name] = usual + test.body
	}
	extract := extractor(t, programs)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := extract(test.name, Shim{create: true})
			oneLine(t, err, test.want)
		})
	}
}
