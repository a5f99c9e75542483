package ossfuzz

import (
	"fmt"
	"path"

	"golang.org/x/tools/cover"

	"shimfuzz/internal/hcsshim/extract"
)

// statements are those of some code: how many there are, and were reached.
type statements struct{ reached, all int }

// reachedBySeeds counts the statements of the extracted code and of typeurl in a profile
// of a fuzz target, which must have both.
func reachedBySeeds(profile string) (extracted, typeurl statements, err error) {
	profiles, err := cover.ParseProfiles(profile)
	if err != nil {
		return extracted, typeurl, err
	}
	for _, p := range profiles {
		var s *statements
		switch path.Dir(p.FileName) {
		case extract.Module:
			s = &extracted
		case "github.com/containerd/typeurl/v2":
			s = &typeurl
		default:
			continue
		}
		for _, block := range p.Blocks {
			s.all += block.NumStmt
			if block.Count > 0 {
				s.reached += block.NumStmt
			}
		}
	}
	if extracted.all == 0 || typeurl.all == 0 {
		return extracted, typeurl, fmt.Errorf("%s has %d statements of the extracted code and %d of typeurl",
			profile, extracted.all, typeurl.all)
	}
	return extracted, typeurl, nil
}
