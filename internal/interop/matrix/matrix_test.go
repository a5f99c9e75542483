package matrix

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/corpus/table"
	"shimfuzz/internal/findings"
	"shimfuzz/internal/interop/protocol"
	"shimfuzz/internal/interop/readers"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
)

func senders(t *testing.T) []Sender {
	t.Helper()
	recordings, err := table.Recordings()
	if err != nil {
		t.Fatal(err)
	}
	list, err := Senders(recordings)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var runhcs = readers.Reader{Name: readers.RunHCS, Version: "v0.15.0", Options: readers.RunHCSOptions}

// byTheContract answers as the reference does.
func byTheContract(b []byte) (protocol.Answer, error) {
	opts, err := reference.ReadOptions(bytes.NewReader(b))
	switch {
	case err != nil:
		return protocol.Failed(err), nil
	case opts == nil:
		return protocol.Answer{Outcome: protocol.None}, nil
	}
	detail, err := proto.Marshal(opts)
	return protocol.Answer{Outcome: protocol.Options, Detail: detail}, err
}

// A release up to 2.2 is one sender, a later one is two: by the shim's name.
func TestSenders(t *testing.T) {
	var got []string
	for _, s := range senders(t) {
		first, second := s.Label()
		got = append(got, first+" to "+second)
	}
	for _, want := range []string{"v1.7.35 to any shim", "v2.2.9 to any shim", "v2.3.7 to runhcs-v1", "v2.3.7 to lcow-v2", "v2.4.2 to lcow-v2"} {
		if !strings.Contains(strings.Join(got, ", "), want) {
			t.Errorf("%q is not among %v", want, got)
		}
	}
}

// Whoever answers by the contract is right everywhere.
func TestContractIsRight(t *testing.T) {
	for _, s := range senders(t) {
		c, err := Ask(runhcs, s, byTheContract)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Summary(); got != "arrive" || !c.Works() {
			t.Errorf("%v: %s", s.Containerd, got)
		}
	}
}

// Every other answer is named for what an operator gets.
func TestVerdicts(t *testing.T) {
	legacy := func(options string) Start {
		o := table.Requested(options)
		var b []byte
		if o.Type != "" {
			b = payload.PlainAny(o.Type, o.Value())
		}
		return Start{table.Recording{Origin: table.Origin{Request: table.Request{Options: options}}}, b}
	}
	bootstrap := func(options string) Start {
		o := table.Requested(options)
		d := payload.Daemon{Version: "v2.4.2"}
		return Start{table.Recording{Origin: table.Origin{Request: table.Request{Options: options}}}, d.Start("x", "web-1", "k8s.io", o.Type, o.Value())}
	}
	value := table.Requested("cri").Value()
	for _, test := range []struct {
		start           Start
		outcome, detail string
		want            Verdict
	}{
		{legacy("cri"), "options", string(value), Right},
		{legacy("cri"), "options", "", Partly},
		{legacy("all"), "options", string(value), Other},
		{legacy("cri"), "none", "", Defaults},
		{legacy("cri"), "error", "no", Error},
		{legacy("cri"), "error/malformed", "no", Error},
		{legacy("cri"), "panic", "no", Panics},
		{legacy("cri"), "hang", "", Hangs},
		{legacy("none"), "none", "", Right},
		{legacy("none"), "options", "", Other},
		{legacy("none"), "error", "no", Error},
		{legacy("runc"), "error", "no", Right},
		{legacy("runc"), "none", "", Defaults},
		{legacy("runc"), "options", "", Other},
		{legacy("runc"), "panic", "no", Panics},
		{bootstrap("runc"), "none", "", Right},
		{bootstrap("runc"), "error", "no", Error},
		{bootstrap("cri"), "none", "", Defaults},
		{bootstrap("cri"), "options", string(value), Right},
	} {
		a := Answer{Start: test.start, Asked: asked(runhcs, test.start), Got: protocol.Answer{Outcome: test.outcome, Detail: []byte(test.detail)}}
		if got := a.judge(runhcs); got != test.want {
			t.Errorf("%s in %s, answered %s %x: %s, want %s", a.Asked, family(a.Payload), test.outcome, test.detail, got, test.want)
		}
	}
}

// An explicit scrub_logs: false is lost only to an hcsshim that tells it from unset.
func TestExplicitFalse(t *testing.T) {
	o := table.Requested("all")
	start := Start{table.Recording{Origin: table.Origin{Request: table.Request{Options: "all"}}}, payload.PlainAny(o.Type, o.Value())}
	lost := new(options.Options)
	if err := proto.Unmarshal(o.Value(), lost); err != nil {
		t.Fatal(err)
	}
	lost.ScrubLogs = nil
	b, err := proto.Marshal(lost)
	if err != nil {
		t.Fatal(err)
	}
	a := Answer{Start: start, Asked: findings.Ours, Got: protocol.Answer{Outcome: protocol.Options, Detail: b}}
	for version, want := range map[string]Verdict{"v0.14.1": Right, "v0.15.0-rc.1": Right, "v0.15.0-rc.2": Partly, "v0.15.0": Partly, "/home/me/hcsshim": Partly} {
		r := runhcs
		r.Version = version
		if got := a.judge(r); got != want {
			t.Errorf("hcsshim %s loses scrub_logs: false: %s, want %s", version, got, want)
		}
	}
}

// rowOf is all that a reader answers.
func rowOf(t *testing.T, r readers.Reader, ask func([]byte) (protocol.Answer, error)) []Row {
	t.Helper()
	row := Row{Reader: r}
	for _, s := range senders(t) {
		c, err := Ask(r, s, ask)
		if err != nil {
			t.Fatal(err)
		}
		row.Cells = append(row.Cells, c)
	}
	return []Row{row}
}

// A finding explains just the answer that it predicts. A shim that drops, or
// refuses, more than that is a surprise, and one that is right where it should be
// wrong shows that the finding is stale.
func TestFindingsPredict(t *testing.T) {
	lcow := readers.Reader{Name: readers.LCOW, Version: "v0.15.0", Options: readers.RunHCSOptions}
	old := readers.Reader{Name: readers.RunHCS, Version: "v0.14.1", Options: readers.RunHCSOptions}
	always := func(a protocol.Answer) func([]byte) (protocol.Answer, error) {
		return func([]byte) (protocol.Answer, error) { return a, nil }
	}
	for _, test := range []struct {
		what             string
		reader           readers.Reader
		ask              func([]byte) (protocol.Answer, error)
		surprises, stale int
	}{
		{"drops everything", lcow, always(protocol.Answer{Outcome: protocol.None}), 2, 0},
		{"refuses everything", lcow, always(protocol.Failed(errors.New("no UTF-8"))), 5, 1},
		{"is mended", lcow, byTheContract, 0, 2},
		{"refuses everything, saying nothing", old, always(protocol.Failed(errors.New("no"))), 5, 0},
		{"is mended", old, byTheContract, 0, 1},
	} {
		rows := rowOf(t, test.reader, test.ask)
		if got := len(Surprises(rows)); got != test.surprises {
			t.Errorf("%s that %s: %d surprises, want %d", test.reader.ID(), test.what, got, test.surprises)
		}
		if got := Stale(rows); len(got) != test.stale {
			t.Errorf("%s that %s: stale %v, want %d", test.reader.ID(), test.what, got, test.stale)
		}
	}
}

// A reader that cannot be run is no shim that crashes.
func TestUnable(t *testing.T) {
	_, err := Ask(runhcs, senders(t)[0], func([]byte) (protocol.Answer, error) { return protocol.Answer{Outcome: protocol.Unable}, nil })
	if !errors.Is(err, readers.ErrNotHere) {
		t.Errorf("got %v", err)
	}
}

// What is said of a containerd is computed: that one does not send what it was
// asked for, and what each works with.
func TestAdvice(t *testing.T) {
	all := senders(t)
	rows := []Row{{Reader: runhcs}}
	for _, s := range all {
		c, err := Ask(runhcs, s, byTheContract)
		if err != nil {
			t.Fatal(err)
		}
		rows[0].Cells = append(rows[0].Cells, c)
	}
	rows = append(rows, Row{Reader: readers.Reader{Name: readers.RunHCS, Version: "v9.9.9"}, Missing: "no such <version>"})
	var text, page bytes.Buffer
	Text(&text, all, rows)
	Advice(&text, all, rows)
	for _, want := range []string{
		"containerd v2.3.7    works with hcsshim v0.15.0\n",
		"Never sent, though asked for: scrub_logs: false, by containerd v1.7.35 v2.0.14 v2.2.9 v2.3.7\n",
		"hcsshim runhcs-v1 v9.9.9  NOT RUN: no such <version>\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in:\n%s", want, text.String())
		}
	}
	if err := HTML(&page, all, rows); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(page.String(), `class="evidence"`); n != len(all) {
		t.Errorf("the page has evidence of %d cells, want %d", n, len(all))
	}
	if strings.Contains(page.String(), "<version>") {
		t.Error("the page does not escape what it shows")
	}
}

// Every finding of a reader names a reader that there is, and a case of the
// corpus that its readers were sent.
func TestFindingsOfReaders(t *testing.T) {
	names := make(map[string]bool)
	for _, r := range readers.All("") {
		names[r.Name] = true
	}
	cases := make(map[string]bool)
	for _, s := range senders(t) {
		for _, start := range s.Starts {
			cases[start.Name()] = true
		}
	}
	for _, f := range findings.OfReaders {
		for _, of := range f.Of {
			if !names[of.Reader] {
				t.Errorf("%s: there is no reader %s", f.Name, of.Reader)
			}
		}
		if !cases[f.Case] {
			t.Errorf("%s: there is no case %s of a shim's start", f.Name, f.Case)
		}
	}
}
