package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// around is what the programs of tests are made of besides themselves: a module of
// hcsshim's name, and modules that it requires.
const around = `
-- go.mod --
module ` + hcsshimModule + `

go 1.26

require (
	example.com/api v1.0.0
	example.com/log/v2 v2.0.0
	example.com/typeurl/v2 v2.0.0
	google.golang.org/protobuf v1.0.0
)

replace (
	example.com/api => ./modules/api
	example.com/log/v2 => ./modules/log
	example.com/typeurl/v2 => ./modules/typeurl
	google.golang.org/protobuf => ./modules/protobuf
)
-- cmd/containerd-shim-runhcs-v1/options/runhcs.pb.go --
package options

import _ "google.golang.org/protobuf/runtime/protoimpl"

type Options struct{ Debug bool }
-- modules/api/go.mod --
module example.com/api
-- modules/api/task/v3/task.go --
package task

type CreateTaskRequest struct {
	ID      string
	Options any
}

func (r *CreateTaskRequest) GetOptions() any { return r.Options }
-- modules/log/go.mod --
module example.com/log/v2
-- modules/log/log.go --
package log

import "context"

const Name = "log"

type Entry struct{}

func (Entry) Enabled() bool { return false }
func (Entry) Debug(...any)  {}
func (Entry) Error(...any)  {}

func G(context.Context) Entry { return Entry{} }
func Print(...any)            {}
-- modules/typeurl/go.mod --
module example.com/typeurl/v2
-- modules/typeurl/typeurl.go --
package typeurl

func UnmarshalAny(any) (any, error) { return nil, nil }
-- modules/protobuf/go.mod --
module google.golang.org/protobuf
-- modules/protobuf/runtime/protoimpl/protoimpl.go --
package protoimpl
`

// programs loads programs of one module, whose files are in the form of txtar, and
// returns a function that indexes the one in the folder cmd/<name>.
func programs(t *testing.T, files string) func(name string) (*shim, error) {
	t.Helper()
	s := &Source{Name: "test", Dir: t.TempDir()}
	for _, f := range txtar.Parse([]byte(around + files)).Files {
		name := filepath.Join(s.Dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	deps, err := listDeps(s, "windows", "", "./...")
	if err != nil {
		t.Fatal(err)
	}
	pkgs, err := load(s, "", deps)
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) (*shim, error) { return newShim(s, hcsshimModule+"/cmd/"+name, pkgs, deps) }
}

// slug is a folder for a test.
func slug(name string) string { return strings.NewReplacer(" ", "-", ",", "").Replace(name) }

// oneLine fails unless err is one line with want in it.
func oneLine(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v, want one with %q", err, want)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %v", err)
	}
}
