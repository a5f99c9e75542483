package main

import (
	"strings"
	"testing"
)

// What fails is shown, what passes is counted, what is skipped has its reason, and the findings of all
// packages stand at the end. A failure that is no test's makes the run red, too.
func TestSummary(t *testing.T) {
	const passes = `
{"Action":"output","Package":"kept","Output":"results of the suite: {\"HCSShim\":\"v1\",\"Excuses\":\"none\"}\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"TestA: 500 so far\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- PASS: TestA (0.00s)\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: no compiler\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"results of the suite: {\"HCSShim\":\"v1\",\"Excuses\":\"v1\","}
{"Action":"output","Package":"p","Output":"\"Excused\":{\"f\":2}}\n"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}
`
	const end = "\nfindings in hcsshim v1, FINDINGS=v1:\n  excused  f  answers: 2\n" +
		"skipped 1: no compiler\n"
	for _, test := range []struct{ name, in, want string }{
		{"green", passes, "TestA: 500 so far\nok  \tp\t0.1s\n" + end + "1 passed, 0 failed, 1 skipped\n"},
		{"a test", passes + `
{"Action":"output","Package":"q","Test":"TestC/x","Output":"    wrong\n"}
{"Action":"output","Package":"q","Test":"TestC/x","Output":"    --- FAIL: TestC/x (0.00s)\n"}
{"Action":"output","Package":"q","Test":"TestC","Output":"--- FAIL: TestC (0.00s)\n"}
{"Action":"fail","Package":"q","Test":"TestC/x"}
{"Action":"fail","Package":"q","Test":"TestC"}
{"Action":"output","Package":"q","Output":"FAIL\tq\t0.1s\n"}
{"Action":"fail","Package":"q"}`, "TestA: 500 so far\nok  \tp\t0.1s\n    wrong\n    --- FAIL: TestC/x (0.00s)\n" +
			"FAIL\tq\t0.1s\n" + end + "1 passed, 2 failed, 1 skipped\n"},
		{"a package", passes + `
{"Action":"build-output","ImportPath":"q","Output":"q.go:1: syntax error\n"}
{"Action":"fail","Package":"q"}`, "TestA: 500 so far\nok  \tp\t0.1s\nq.go:1: syntax error\n" + end +
			"1 passed, 0 failed, 1 skipped\n"},
		{"a process that has died", passes + `
{"Action":"output","Package":"q","Test":"TestD","Output":"fatal error: stack overflow\n"}
{"Action":"output","Package":"q","Output":"FAIL\tq\t0.1s\n"}
{"Action":"fail","Package":"q"}`, "TestA: 500 so far\nok  \tp\t0.1s\nFAIL\tq\t0.1s\n" +
			"fatal error: stack overflow\n" + end + "1 passed, 0 failed, 1 skipped\n"},
		{"the go command", passes + "go: no such module\n" + `{"Action":"fail"}`,
			"TestA: 500 so far\nok  \tp\t0.1s\ngo: no such module\n" + end + "1 passed, 0 failed, 1 skipped\n"},
		{"nothing has run", "", "0 passed, 0 failed, 0 skipped\n"},
	} {
		var out strings.Builder
		run := newTestRun(&out)
		err := run.read(strings.NewReader(strings.TrimSpace(strings.ReplaceAll(test.in, "\n\n", "\n"))))
		if err != nil {
			t.Fatal(err)
		}
		if red := run.end() != nil; red != (test.name != "green") || out.String() != test.want {
			t.Errorf("%s: red is %v:\n%s\nwant:\n%s", test.name, red, &out, test.want)
		}
	}
}
