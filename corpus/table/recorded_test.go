package table

import (
	"bytes"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"google.golang.org/protobuf/proto"

	"shimfuzz/internal/grammar"
)

func load(t *testing.T) []Recording {
	t.Helper()
	all, err := Recordings()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The generators write byte for byte what each containerd was recorded to write
// for the same request.
func TestDaemonsAreModelled(t *testing.T) {
	fields := (*options.Options)(nil).ProtoReflect().Descriptor().Fields()
	if fd := fields.ByName("scrub_logs"); fd == nil || !fd.HasPresence() {
		t.Skip("NOT RUN: the Options that are linked here are older than those that the newest containerd sends")
	}
	levels := map[string]int64{"info": 0, "debug": -4}
	for _, r := range load(t) {
		if r.Request.Action != "start" {
			continue
		}
		o := Requested(r.Request.Options)
		value := o.Value()
		if o.JSON != "" {
			text, _ := o.arriving(r.Containerd)
			b, err := proto.Marshal(parse(text))
			if err != nil {
				t.Fatal(err)
			}
			value = b
		}
		d := grammar.Daemon{Version: r.Containerd, TTRPC: RecordedTTRPC, GRPC: RecordedGRPC, Binary: RecordedBinary,
			SocketDir: r.Request.SocketDir, Level: levels[r.Request.LogLevel]}
		got := d.Start(r.Request.Shim, RecordedID, RecordedNamespace, o.Type, value)
		want, err := r.Payload()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s\nrecorded  %x\ngenerated %x", r.Name(), want, got)
		}
		if (got == nil) != (r.Stdin == nil) {
			t.Errorf("%s: recorded with standard input: %t, generated with: %t", r.Name(), r.Stdin != nil, got != nil)
		}
	}
}

// What containerd asks a shim for besides starting: -info still gets an Any, from
// every release that has it, and delete gets nothing.
func TestOtherActions(t *testing.T) {
	for _, r := range load(t) {
		o := Requested(r.Request.Options)
		b, err := r.Payload()
		if err != nil {
			t.Fatal(err)
		}
		switch r.Request.Action {
		case "delete":
			if r.Stdin != nil {
				t.Errorf("%s: standard input %x", r.Name(), b)
			}
		case "info":
			if r.Stdin == nil || o.Type != "" && !bytes.Equal(b, grammar.PlainAny(o.Type, o.Value())) || o.Type == "" &&
				len(b) > 0 {
				t.Errorf("%s: %x", r.Name(), b)
			}
		}
	}
}
