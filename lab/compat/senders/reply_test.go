package senders

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// The tests in this file are of the other direction: what a shim's start prints, and
// containerd reads.

// readReply reads a reply as containerd 2.3.7 and 2.4.2 do (parseStartResponse in
// core/runtime/v2/shim.go): as a BootstrapResult if it decodes as one, else as JSON of
// version 2 or later, else as the address of a shim that serves ttrpc.
func readReply(reply []byte) (*bootstrap.BootstrapResult, error) {
	r := new(bootstrap.BootstrapResult)
	if proto.Unmarshal(reply, r) == nil {
		return r, nil
	}
	reply = bytes.TrimSpace(reply)
	r = new(bootstrap.BootstrapResult)
	if err := json.Unmarshal(reply, r); err != nil || r.GetVersion() < 2 {
		r = &bootstrap.BootstrapResult{Version: 2, Address: string(reply), Protocol: "ttrpc"}
	}
	if r.GetVersion() > 3 {
		return nil, fmt.Errorf("version %d", r.GetVersion())
	}
	return r, nil
}

// jsonReply is what shims print that know a version and a protocol: lcow-v2, and runc-v2
// up to containerd 2.2. containerd itself keeps a reply in this form (bootstrap.json).
type jsonReply struct {
	Version  int    `json:"version"`
	Address  string `json:"address"`
	Protocol string `json:"protocol"`
}

// starts are what addresses begin with: those of the shims, and others that containerd dials
// or names elsewhere.
var starts = []string{
	`\\.\pipe\`, "unix://", "unix:/", "/", "npipe://", "vsock://", "hvsock://", "tcp://",
	"ttrpc+unix://", "ttrpc+npipe://", "ttrpc+vsock://", "grpc+unix://", "grpc+vsock://",
}

// beginsNoMessage reports whether start has a fault that no bytes behind it mend.
func beginsNoMessage(start string) bool {
	for b := []byte(start); len(b) > 0; {
		_, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return !errors.Is(protowire.ParseError(n), io.ErrUnexpectedEOF)
		}
		b = b[n:]
	}
	return false
}

// No address is a BootstrapResult, whatever follows its scheme.
func TestReplyAddress(t *testing.T) {
	for _, start := range starts {
		if !beginsNoMessage(start) {
			t.Errorf("a message can begin with %q", start)
		}
	}
}

// Every address of the shims is read as it was printed, alone and in JSON, for every length of
// what follows its scheme, and for every character of which that is made.
func TestReplyWalk(t *testing.T) {
	for fill := byte(1); fill < 0x80; fill++ {
		if fill == '|' { // see TestReplyAmbiguous
			continue
		}
		for n := range 250 {
			text := strings.Repeat(string(rune(fill)), n) + "a"
			checkReplies(t, starts[0]+text)  // of hcsshim's and, on Windows, rust-extensions'
			checkReplies(t, "unix:///"+text) // of runc-v2 and rust-extensions
		}
	}
}

// checkReplies checks all replies with an address.
func checkReplies(t testing.TB, address string) {
	t.Helper()
	checkReply(t, []byte(address), jsonReply{2, address, "ttrpc"})
	for _, want := range []jsonReply{{2, address, "ttrpc"}, {3, address, "grpc"}} {
		checkReply(t, marshal(t, want), want)
	}
}

func marshal(t testing.TB, r jsonReply) []byte {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func checkReply(t testing.TB, reply []byte, want jsonReply) {
	t.Helper()
	r, err := readReply(reply)
	if err != nil {
		t.Fatalf("%q: %v", reply, err)
	}
	if got := (jsonReply{int(r.GetVersion()), r.GetAddress(), r.GetProtocol()}); got != want {
		t.Fatalf("%q is read as %+v, want %+v", reply, got, want)
	}
}

// Where the order of the three forms matters. In JSON the brace begins a group of field
// 15, and the quote in it a field of 118 bytes, the letter v. Only a vertical bar ends
// that group, so JSON without one is no message. No namespace, ID or hash has one, but
// a path may: then the reply can be a message of unknown fields, and containerd finds
// neither address nor protocol in it. It does not start such a shim, or cannot reach it
// when it reads bootstrap.json again.
func TestReplyAmbiguous(t *testing.T) {
	nothing := jsonReply{}
	for _, test := range []struct {
		name  string
		reply []byte
		want  jsonReply
	}{
		{"nothing at all", nil, nothing}, // the protocol "" is an error
		{"a line feed", []byte("\n"), jsonReply{2, "", "ttrpc"}},
		{"a version that is too old", []byte(`{"version":1,"address":"a"}`),
			jsonReply{2, `{"version":1,"address":"a"}`, "ttrpc"}},
		{"a socket's path of 104 bytes", marshal(t, jsonReply{3, ambiguous, "ttrpc"}), nothing},
		{"a byte less before the bar", marshal(t, jsonReply{3, strings.Replace(ambiguous, "aa", "a", 1), "ttrpc"}),
			jsonReply{3, strings.Replace(ambiguous, "aa", "a", 1), "ttrpc"}},
		{"a directory of 23 bytes and a hash", marshal(t, jsonReply{3, "unix://" + ambiguousDir + "/" + hash, "ttrpc"}),
			nothing},
		{"the same without a bar", marshal(t, jsonReply{3, "unix:///run/s/" + hash, "ttrpc"}),
			jsonReply{3, "unix:///run/s/" + hash, "ttrpc"}},
		{"a relative path, which gRPC allows", []byte("unix:inference"), nothing},
		{"the same address alone", []byte(ambiguous), jsonReply{2, ambiguous, "ttrpc"}},
	} {
		t.Run(test.name, func(t *testing.T) { checkReply(t, test.reply, test.want) })
	}
}

// ambiguous is an address whose JSON is a BootstrapResult: behind 97 bytes of it ends
// the field of 118 bytes; then ends the group, and a field 15 of 32 bytes takes the
// rest. A path of a socket has at most 107 bytes on Linux.
var ambiguous = "unix:///" + strings.Repeat("a", 97-len("unix:///")) + "|z " +
	strings.Repeat("b", 32-len(`","protocol":"ttrpc"}`))

// ambiguousDir is a directory of an operator's choice (BootstrapParams.socket_dir) for
// which the address of containerd's own runc-v2 is such an address. JSON has six bytes
// for each <, so the bar is behind the field of 118 bytes; a field 15 of 86 bytes, the
// letter V, takes the hash and the rest.
var (
	ambiguousDir = "/run/a" + strings.Repeat("<", 14) + "|zV"
	hash         = strings.Repeat("0123456789abcdef", 4)
)
