package extract

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"shimfuzz/internal/gocmd"
)

// Reader returns the files of a module that has a shim's decoder in it, by their
// slash-separated paths: the packages extracted and internal/hcsshim. It says whether
// the Options there are of gogo/protobuf, as they were before v0.12.0.
func Reader(root string, s *Source, shim Shim) (set map[string][]byte, gogo bool, err error) {
	files, deps, err := extractShim(s, shim, "none")
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", s.Name, err)
	}
	set = make(map[string][]byte)
	for name, text := range files {
		set[packageName+"/"+name] = text
	}
	own := "internal/hcsshim/hcsshim.go"
	if set[own], err = os.ReadFile(filepath.Join(root, filepath.FromSlash(own))); err != nil {
		return nil, false, err
	}
	options := deps[optionsPackage]
	if options == nil {
		return nil, false, fmt.Errorf("%s: %s does not link the options", s.Name, shim.Name)
	}
	return set, options.Imports[strings.Trim(gogoproto, `"`)] != nil, nil
}

// ReaderModule is the path of the module that Reader's files are for.
const ReaderModule = "shimfuzz"

// Module is the source as a module to build with.
func (s *Source) Module() *gocmd.Module {
	return &gocmd.Module{Path: hcsshimModule, Version: s.Version, Dir: s.Dir, GoMod: filepath.Join(s.Dir, "go.mod")}
}

var findsOptions = regexp.MustCompile(`\b\w+\.FindExtension\((&?\w+)\)`)

// observe lets the call that finds the options among the extensions report what
// it finds to a function observe of ours.
func (x *section) observe() error {
	calls := 0
	for i, d := range x.decls {
		calls += len(findsOptions.FindAllString(d, -1))
		x.decls[i] = findsOptions.ReplaceAllString(d, "observe($1)($0)")
	}
	if calls != 1 {
		return errors.New("the shim no longer finds its options with one call of FindExtension")
	}
	return nil
}
