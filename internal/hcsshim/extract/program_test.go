package extract

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/txtar"
)

// around is what the programs of tests are made of besides themselves: a module of
// hcsshim's name. What registers messages is imported as it is.
const around = `
-- LICENSE --
-- go.mod --
module ` + hcsshimModule + `

go 1.26

require google.golang.org/protobuf v1.0.0

replace google.golang.org/protobuf => ./protobuf
-- protobuf/go.mod --
module google.golang.org/protobuf
-- protobuf/runtime/protoimpl/protoimpl.go --
package protoimpl
-- cmd/containerd-shim-runhcs-v1/options/runhcs.pb.go --
package options

import _ "google.golang.org/protobuf/runtime/protoimpl"

type Options struct{ Debug bool }
-- task/task.pb.go --
package task

import _ "google.golang.org/protobuf/runtime/protoimpl"

type CreateTaskRequest struct {
	ID      string
	Options any
}

func (r *CreateTaskRequest) GetOptions() any { return r.Options }
-- log/log.pb.go --
package log

import _ "google.golang.org/protobuf/runtime/protoimpl"

const Name = "log"

type Entry struct{}

func (Entry) Enabled() bool { return false }
func (Entry) Debug(...any)  {}
func (Entry) Error(...any)  {}

func G(any) Entry  { return Entry{} }
func Print(...any) {}
-- typeurl/typeurl.pb.go --
package typeurl

import _ "google.golang.org/protobuf/runtime/protoimpl"

func UnmarshalAny(any) (any, error) { return nil, nil }
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
	"` + hcsshimModule + `/task"
	"` + hcsshimModule + `/log"
	typeurl "` + hcsshimModule + `/typeurl"
)
`

// example is a program to extract from.
type example struct {
	name    string
	text    string // what follows head, and other files in the form of txtar, in the folder DIR
	entry   string // the user's choice
	creates bool
	err     string   // a part of the one line by which it is refused
	want    []string // each is there once
	without string   // is not there
	imports string   // names, file by file; "" is any
}

// folder is that of the program.
func (e example) folder() string {
	return "cmd/" + strings.NewReplacer(" ", "-", ",", "").Replace(e.name)
}

// programs loads all examples as one module: the packages by their folders.
var programs = sync.OnceValues(func() (map[string]*packages.Package, error) {
	files := around
	for _, e := range append(append(extracted, creations...), refused...) {
		files += strings.ReplaceAll("-- DIR/serve.go --\n"+head+e.text+"\n", "DIR", e.folder())
	}
	for _, f := range txtar.Parse([]byte(files)).Files {
		if err := writeFile(filepath.Join(module.Dir, f.Name), f.Data); err != nil {
			return nil, err
		}
	}
	pkgs, err := module.load(packages.LoadAllSyntax, "windows", "", "./cmd/...")
	all := make(map[string]*packages.Package)
	for _, pkg := range pkgs {
		all[strings.TrimPrefix(pkg.PkgPath, hcsshimModule+"/")] = pkg
	}
	return all, err
})

// module is that of the examples. TestMain gives it a folder.
var module = &Source{Name: "test"}

// extract returns the extracted files as one text.
func (e example) extract(t *testing.T) (string, error) {
	t.Helper()
	all, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	shim := Shim{Name: strings.TrimPrefix(e.folder(), "cmd/"), Entry: e.entry}
	p, err := newProgram(module, shim, all[e.folder()])
	if err != nil {
		return "", err
	}
	set, err := p.files("", e.creates)
	return string(set[decoderFile]) + string(set[createFile]) + string(set[wordsFile]), err
}
