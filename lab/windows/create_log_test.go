package windows

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/grammar"
	"shimfuzz/internal/wire"
	"shimfuzz/lab/windows/calls"
)

// The options that Create logs, at level debug, are those of the request, field by
// field: for all options of the corpus that a bare Any can have.
func TestCreateOptions(t *testing.T) {
	t.Parallel()
	s := shims(t)[0]
	if !s.logsOptions(t) {
		say("NOT RUN: the fields of the options of Create, because this hcsshim does not log them")
		return
	}
	cases, err := corpus.Load()
	if err != nil {
		t.Fatal(err)
	}
	var rows []bareAny
	var all []*[]byte
	for _, c := range different(cases) {
		if e := s.expectCreate(&c.Payload.Bytes); e.want.Kind == Accepted && e.finding == nil {
			rows, all = append(rows, bareAny{c.Name, &c.Payload.Bytes}), append(all, &c.Payload.Bytes)
		}
	}
	debug := grammar.PlainAny(contract.OptionsName, wire.Message{wire.Varint(1, 1)}.Encode())
	replies := s.replies(t, calls.Setup{Stdin: debug, Log: true}, all)
	if len(replies) < len(rows) {
		t.Fatalf("%s: Create hung", rows[len(replies)].name)
	}
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) { s.checkLogged(t, row, replies[i].Log) })
	}
	say("Create logged the options that it was given, %d times", len(rows))
}

// logged stands in the log before the options that Create has decoded, since hcsshim
// v0.14.0 (service_internal.go); v0.13.0 does not have it.
const logged = `msg="parsed runhcs runtime options" options=`

// logsOptions reports whether the program has that message.
func (s installed) logsOptions(t *testing.T) bool {
	t.Helper()
	program, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(program, []byte("parsed runhcs runtime options"))
}

// checkLogged fails t unless the options in the log are those of the request.
func (s installed) checkLogged(t *testing.T, row bareAny, log string) {
	t.Helper()
	want := bareAnswer(*row.bytes)
	got, err := loggedOptions(log)
	if err != nil {
		t.Fatalf("%s: %v\n%s", row.name, err, log)
	}
	if diff := contract.Diff(want, grammar.Sent(got)); diff != "" {
		e := expectation{decoder: "the contract answers " + short(want.String())}
		s.differs(t, "create", row.name, *row.bytes, e, Behavior{Kind: Accepted, Text: "and logged other options:\n" +
			diff})
	}
}

// loggedOptions returns the options in a log, which has them as JSON.
func loggedOptions(log string) (*options.Options, error) {
	_, rest, found := strings.Cut(log, logged)
	if !found {
		return nil, errors.New("Create has logged no options")
	}
	text, err := unquotePrefix(rest)
	if err != nil {
		return nil, fmt.Errorf("reading the logged options: %w", err)
	}
	opts := new(options.Options)
	return opts, protojson.Unmarshal([]byte(text), opts)
}

func TestLoggedOptions(t *testing.T) {
	for _, test := range []struct {
		log  string
		want *options.Options // nil is an error
	}{
		{"level=info\nlevel=debug " + logged + `"{\"debug\":true}" spanID=1`, &options.Options{Debug: true}},
		{logged + `"{}" spanID=1`, &options.Options{}},
		{logged + `{} spanID=1`, nil},
		{logged + `"{\"no such field\":true}"`, nil},
		{"level=info", nil},
	} {
		got, err := loggedOptions(test.log)
		if (err == nil) != (test.want != nil) || err == nil && !proto.Equal(got, test.want) {
			t.Errorf("%s: %v, %v", test.log, got, err)
		}
	}
}
