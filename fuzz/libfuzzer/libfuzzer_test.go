package libfuzzer

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
)

// asTarget is the variable that makes the test binary a fuzzer, which runs the target that
// it names on the file in its first argument.
const asTarget = "BE_THE_TARGET"

func TestMain(m *testing.M) {
	target := os.Getenv(asTarget)
	if target == "" {
		os.Exit(verify.Main(m.Run))
	}
	input, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	os.Exit(of(target)(input))
}

// printed is what a fuzzer prints on an input, with these findings excused.
func printed(t *testing.T, target, excused string, input []byte) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(file, input, 0o666); err != nil {
		t.Fatal(err)
	}
	s := verify.Settings()
	s.Findings = excused
	cmd := exec.Command(self, file)
	cmd.Env = append(os.Environ(), asTarget+"="+target, s.Environ())
	out, _ := cmd.CombinedOutput() // which tells whether it failed, and for what
	return string(out)
}

// ending is the message of a panic, which ClusterFuzz compares exactly for its FuzzerHash=,
// and the two functions at the top of its stack.
var ending = regexp.MustCompile(`(?s)panic: (FuzzerHash=[^\n]*)\n.*?\ngoroutine [^\n]*:\n(?:panic\([^\n]*\n[^\n]*\n)?` +
	`shimfuzz/fuzz/libfuzzer\.end\(\)\n[^\n]*\nshimfuzz/fuzz/libfuzzer\.fail\(\)\n`)

// A failure ends with a line that tells ClusterFuzz one finding from another, and is the
// same from every target; a panic in the decoder with its own stack beneath.
func TestGroups(t *testing.T) {
	if hcsshim.Current().Version == "" {
		t.Skip("a checkout may have mended some of the findings")
	}
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	payloads := make(map[string][]byte)
	for _, c := range cases {
		payloads[c.Name] = c.Payload.Bytes
	}
	// The finding by its group, and the other way.
	groups, seen := make(map[string]string), make(map[string]string)
	for target, program := range map[string]string{
		"FuzzReadOptions": findings.ReadOptions, "FuzzReaders": findings.ReadOptions,
		"FuzzCreateOptions": findings.Create,
	} {
		list := findings.All.Of(program, hcsshim.Current().Version)
		for _, f := range list.Findings {
			place, _ := f.In(program)
			text := printed(t, target, list.Name+",-"+f.Name, payloads[place.Case])
			end := ending.FindStringSubmatch(text)
			if end == nil {
				t.Errorf("%s: no panic with a group for %s:\n%s", target, f.Name, text)
				continue
			}
			name := program + ", " + f.Name
			if other := groups[end[1]]; other != "" && other != name {
				t.Errorf("%s and %s are in one group, %s", other, name, end[1])
			}
			if other := seen[name]; other != "" && other != end[1] {
				t.Errorf("%s is in the group %s, and from another target in %s", name, end[1], other)
			}
			groups[end[1]], seen[name] = name, end[1]
			rows := []string{"finding    " + f.Name, "replay     make repro", "hex        "}
			if f.Breaks == contract.NeverPanics {
				rows = append(rows, "panic: interface conversion: ", "\nshimfuzz/extracted.")
			}
			for _, row := range rows {
				if !strings.Contains(text, row) {
					t.Errorf("%s: the report of %s has no %q:\n%s", target, f.Name, row, text)
				}
			}
		}
	}
	if hcsshim.Current().Version == findings.Newest && len(groups) != 7 {
		t.Errorf("%d groups, want 7", len(groups))
	}
}

// A panic in the decoder that does not come again ends the process all the same.
func TestPanicOnce(tt *testing.T) {
	again := false
	defer func() {
		if text, _ := recover().(string); !again || !strings.HasPrefix(text,
			"FuzzerHash=never-panics: panic for none") {
			tt.Errorf("decoded again: %v; ended with %q", again, text)
		}
	}()
	t("FuzzReaders").Wrong(verdict.Report{Group: "never-panics: panic for none", Panic: "once"},
		func() { again = true })
}
