package windows

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/windows/wine"
)

// infoEvery is the distance of the cases of the corpus that TestInfo runs.
const infoEvery = 13

// With -info lcow-v2 reads a bare Any, and answers it among what it prints, by C1 to
// C3 of the contract.
func TestInfo(t *testing.T) {
	t.Parallel()
	have := shims(t)
	if len(have) < 2 {
		say("NOT RUN: -info of lcow-v2, because this hcsshim has none that reads BootstrapParams")
		return
	}
	s := have[1]
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	rows := slices.Clone(bareAnys)
	for i, c := range different(cases) {
		if i%infoEvery == 0 || strings.Contains(c.Name, "_info_") {
			rows = append(rows, bareAny{c.Name, &c.Payload.Bytes})
		}
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s.checkInfo(t, row.name, bytesOf(row.bytes))
		})
	}
	say("-info of lcow-v2: %d payloads", len(rows))
}

// infoAnswer is bareAnswer for the standard input of -info, where no bytes are no Any
// (C1).
func infoAnswer(b []byte) contract.Outcome {
	if len(b) == 0 {
		return grammar.Sent(nil)
	}
	return bareAnswer(b)
}

// checkInfo fails t unless -info answers the payload as the contract does.
func (s installed) checkInfo(t *testing.T, name string, b []byte) {
	t.Helper()
	want := infoAnswer(b)
	got := readInfo(s.info(t, b))
	if want.Kind.IsError() && got.Kind == contract.Error {
		return
	}
	diff := contract.Diff(want, got)
	if diff == "" {
		return
	}
	f := s.finding(groupHides)
	hides := want.Kind == contract.Malformed && got.Kind == contract.Options && hiddenByGroup(b)
	if hides && f != nil && s.excused().Has(f.Name) {
		return
	}
	d := difference{shim: s, command: "-info", want: want.String(), got: got.String() + "\n" + diff, payload: b,
		description: name}
	if hides {
		d.finding = f
	}
	d.fail(t)
}

func (s installed) info(t *testing.T, b []byte) wine.Result {
	t.Helper()
	r := s.run(t, t.TempDir(), b, []string{"-info"})
	if s.lost(t, r, r.Stdout+r.Stderr) {
		r = s.run(t, t.TempDir(), b, []string{"-info"})
	}
	return r
}

// infoOptions is the number of the field options, an Any, of RuntimeInfo, which -info
// prints (containerd's api/types/introspection.proto).
const infoOptions = 3

// readInfo returns what -info has decoded.
func readInfo(r wine.Result) contract.Outcome {
	output := r.Stdout + r.Stderr
	switch {
	case r.TimedOut:
		return contract.Outcome{Kind: contract.Hang}
	case r.Exit == 1 && strings.Contains(output, "failed to read runtime options"):
		return contract.Outcome{Kind: contract.Error, Err: fmt.Errorf("%s", plainSpaces(output))}
	case r.Exit != 0 || r.Stderr != "":
		return contract.Outcome{Kind: contract.Panic, Panic: fmt.Sprintf("exit code %d, printed %q", r.Exit,
			short(output))}
	}
	fields, rest := wire.Parse([]byte(r.Stdout))
	if len(rest) > 0 {
		return contract.Outcome{Kind: contract.Panic, Panic: fmt.Sprintf("printed %q, which is no message",
			short(r.Stdout))}
	}
	for _, f := range fields {
		if f.Num != infoOptions || f.Type != protowire.BytesType {
			continue
		}
		opts := new(options.Options)
		if url, value := stdin.AnyParts(f.Value); stdin.TypeName(url) == contract.OptionsName &&
			proto.Unmarshal(value, opts) == nil {
			return grammar.Sent(opts)
		}
		return contract.Outcome{Kind: contract.Panic, Panic: fmt.Sprintf("printed other options: %q",
			short(string(f.Value)))}
	}
	return grammar.Sent(nil)
}

// What a run of -info shows.
func TestReadInfo(t *testing.T) {
	anyOf := grammar.PlainAny(contract.OptionsName, wire.Message{wire.Varint(1, 1)}.Encode())
	info := func(parts ...wire.Part) string {
		return string(append(wire.Message{wire.String(1, "name")}, parts...).Encode())
	}
	for _, test := range []struct {
		name string
		run  wine.Result
		want contract.Outcome
	}{
		{"none", wine.Result{Stdout: info()}, grammar.Sent(nil)},
		{"options", wine.Result{Stdout: info(wire.Bytes(3, anyOf))}, grammar.Sent(&options.Options{Debug: true})},
		{"refused", wine.Result{Stderr: "failed to read runtime options: x", Exit: 1},
			contract.Outcome{Kind: contract.Error}},
		{"panicked", wine.Result{Stderr: "panic: x", Exit: 2}, contract.Outcome{Kind: contract.Panic}},
		{"other options", wine.Result{Stdout: info(wire.Bytes(3, nil))}, contract.Outcome{Kind: contract.Panic}},
		{"no message", wine.Result{Stdout: "\x08"}, contract.Outcome{Kind: contract.Panic}},
		{"hung", wine.Result{TimedOut: true}, contract.Outcome{Kind: contract.Hang}},
	} {
		if got := readInfo(test.run); got.Kind != test.want.Kind || !proto.Equal(got.Options, test.want.Options) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// few are payloads of each kind.
var few = [][]byte{
	nil,
	grammar.PlainAny(contract.OptionsName, wire.Message{wire.Varint(1, 1)}.Encode()),
	grammar.PlainAny(contract.OptionsName, []byte{0x08}),
	grammar.PlainAny("google.protobuf.Timestamp", nil),
	{0x0a},
}

// runhcs-v1 has no -info: whatever is on its standard input, it says so.
func TestNoInfo(t *testing.T) {
	s := shims(t)[0]
	const want = "flag provided but not defined: -info"
	for _, b := range few {
		if r := s.info(t, b); r.Exit != 1 || !strings.Contains(r.Stdout+r.Stderr, want) {
			difference{shim: s, command: "-info", want: "exit code 1, and " + want,
				got: unrecognized(r, r.Stdout+r.Stderr).Text, payload: b}.fail(t)
		}
	}
}

// delete does not read its standard input: whatever that is, it answers that the task
// has ended with the exit code that stands for an unknown one.
func TestDelete(t *testing.T) {
	for _, s := range shims(t) {
		for _, b := range few {
			dir := t.TempDir()
			args := append(globals(containerID()), "--bundle", ".", "delete")
			if s.isLCOW() {
				args = []string{"-namespace", namespace, "-id", containerID(), "-address", "a", "-bundle", ".",
					"delete"}
			}
			r := s.run(t, dir, b, args)
			if s.lost(t, r, r.Stdout+r.Stderr) {
				r = s.run(t, dir, b, args)
			}
			if r.Exit != 0 || !strings.HasPrefix(r.Stdout, exitUnknown) {
				difference{shim: s, command: "delete", want: fmt.Sprintf("exit code 0, printed %q and a time",
					exitUnknown), got: unrecognized(r, r.Stdout+r.Stderr).Text, payload: b}.fail(t)
			}
		}
	}
	say("-info of runhcs-v1 and delete of each shim: %d payloads", len(few))
}

// exitUnknown is the start of a DeleteResponse, whose field 2 is the exit code, 255.
var exitUnknown = string(protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 255))
