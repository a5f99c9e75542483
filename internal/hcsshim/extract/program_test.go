package extract

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
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
-- internal/away/away.go --
//go:build windows

package away

import (
	"io"

	"` + optionsPackage + `"
)

// Read reads.
func Read(r io.Reader) (*options.Options, error) { return reserved(r) }

func reserved(io.Reader) (*options.Options, error) { return nil, hcsshim }

var hcsshim error
`

// head begins the file serve.go of a program, on 16 lines. That a program does not use all
// of these is for the compiler to say.
const head = `//go:build windows

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"` + hcsshimModule + `/internal/away"
	runhcs "` + optionsPackage + `"
	"example.com/api/task/v3"
	"example.com/log/v2"
	typeurl "example.com/typeurl/v2"
)
`

// extractor loads programs of one module, and returns a function that extracts from the
// one of a name. What they are made of follows head, and may go on with other files in the
// form of txtar, in the program's folder DIR.
func extractor(t *testing.T, programs map[string]string) func(name string, s Shim) (*extraction, error) {
	t.Helper()
	files := around
	for name, text := range programs {
		files += "-- DIR/serve.go --\n" + head + text + "\n"
		files = strings.ReplaceAll(files, "DIR", "cmd/"+slug(name))
	}
	s := &Source{Name: "test", Dir: t.TempDir()}
	for _, f := range txtar.Parse([]byte(files)).Files {
		if err := writeFile(filepath.Join(s.Dir, f.Name), f.Data); err != nil {
			t.Fatal(err)
		}
	}
	pkgs, err := s.load(packages.LoadAllSyntax, "windows", "", "./...")
	if err != nil {
		t.Fatal(err)
	}
	return func(name string, shim Shim) (*extraction, error) {
		shim.Name = slug(name)
		p, err := newShim(s, shim, pkgs)
		if err != nil {
			return nil, err
		}
		return p.extract()
	}
}

// slug is a folder for a test.
func slug(name string) string { return strings.NewReplacer(" ", "-", ",", "").Replace(name) }

// hasImports fails unless a section has imports of these names.
func hasImports(t *testing.T, x *section, want string) {
	t.Helper()
	if got := strings.Join(slices.Sorted(maps.Values(x.imports)), " "); got != want {
		t.Errorf("imports %v, want %s", x.imports, want)
	}
}

// oneLine fails unless err is one line with want in it.
func oneLine(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line with %q", err, want)
	}
}
