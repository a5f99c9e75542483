package reference

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/types/known/anypb"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// Every error says which family, field and type URL it is about, and can be
// told from the others. That the outcomes are right is for package properties.
func TestErrors(t *testing.T) {
	const (
		options = "containerd.runhcs.v1.Options"
		value   = `malformed shim options: Any.value: type URL "` + options + `": `
		above   = "field number above 536870911 in a group"
	)
	broken := wire.Bytes(2, []byte{0x08})
	bad := wire.Group(30, wire.Tag(1<<29, 0), wire.Raw([]byte{1}))
	for _, test := range []struct {
		name    string
		payload wire.Message
		kind    error
		text    string // of the error, up to protobuf's own words
	}{
		{"not protobuf", wire.Message{wire.Raw([]byte("{}"))}, ErrMalformed,
			"malformed shim options: no protobuf message: at byte 0: "},
		{"not protobuf from the second field on", wire.Message{wire.String(1, "a"), wire.Raw([]byte("{}"))},
			ErrMalformed, "malformed shim options: no protobuf message: at byte 3: "},
		{"legacy, broken value", wire.Message{wire.String(1, "x/"+options), broken}, ErrMalformed,
			`malformed shim options: Any.value: type URL "x/` + options + `": `},
		{"legacy, foreign", wire.Message{wire.String(1, "runtimeoptions.v1.Options")}, ErrForeign,
			`shim options of another type: Any.type_url: type URL "runtimeoptions.v1.Options": want ` + options},
		{"legacy, no type", wire.Message{broken}, ErrForeign,
			`shim options of another type: Any.type_url: type URL "": want ` + options},
		{"legacy, no UTF-8", wire.Message{wire.String(1, "\xff")}, ErrMalformed, "malformed shim options: Any: "},
		{"bootstrap, no UTF-8", wire.Message{wire.String(4, "\xff")}, ErrMalformed,
			"malformed shim options: BootstrapParams: "},
		{"bootstrap, broken value of the second extension", wire.Message{wire.Sub(8),
			wire.Sub(8, wire.Sub(1, wire.String(1, options), broken))}, ErrMalformed,
			`malformed shim options: BootstrapParams.extensions[1].value: type URL "` + options + `": `},
		{"bad number in a group", wire.Message{wire.String(1, options), wire.Sub(2, bad)}, ErrMalformed, value + above},
		{"bad number in a group of a sub-message", wire.Message{wire.String(1, options),
			wire.Sub(2, wire.Sub(18, bad))}, ErrMalformed, value + above},
		{"bad number in a group of a sub-message after a group", wire.Message{wire.String(1, options),
			wire.Sub(2, wire.Group(30), wire.Sub(18, bad))}, ErrMalformed, value + above},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts, err := ReadOptions(strings.NewReader(string(test.payload.Encode())))
			if opts != nil || !errors.Is(err, test.kind) || !strings.HasPrefix(err.Error(), test.text) {
				t.Errorf("ReadOptions = %v, %v; want an error that begins with %q", opts, err, test.text)
			}
		})
	}
}

func TestReadError(t *testing.T) {
	cause := errors.New("disk on fire")
	_, err := ReadOptions(iotest.ErrReader(cause))
	if got := fmt.Sprint(err); got != "cannot read the shim options: disk on fire" {
		t.Errorf("it says %q", got)
	}
	if !errors.Is(err, ErrRead) || !errors.Is(err, cause) || kind(err) != contract.Read {
		t.Errorf("%v is not a read error that wraps its cause", err)
	}
}

// The Any of CreateTaskRequest.Options names Options, or is an error: the fields of
// BootstrapParams are unknown fields in it, and an ID and a namespace are another type.
func TestCreate(t *testing.T) {
	const options = "containerd.runhcs.v1.Options"
	debug := wire.Sub(2, wire.Varint(1, 1))
	bad := wire.String(1, "\xff")
	for _, test := range []struct {
		name string
		m    wire.Message
		want string // and what else is allowed
	}{
		{"no Any", nil, "none"},
		{"Options", wire.Message{wire.String(1, options), debug}, "options debug:true"},
		{"Options without a value", wire.Message{wire.String(1, "a/"+options)}, "options, all at their defaults"},
		{"a damaged value", wire.Message{wire.String(1, options), wire.Bytes(2, []byte{8})}, "error/malformed"},
		{"fields of BootstrapParams", wire.Message{wire.String(1, options), debug, wire.Varint(3, 1),
			wire.Bytes(8, []byte{8})}, "options debug:true"},
		{"an ID and a namespace", wire.Message{wire.String(1, "web-1"), wire.String(2, "k8s.io")}, "error/foreign"},
		{"BootstrapParams", wire.Message{wire.String(1, "web-1"), wire.String(4, "2.3.7")}, "error/foreign"},
		{"no type", wire.Message{debug}, "error/foreign"},
		{"another type, damaged", wire.Message{wire.String(1, "google.protobuf.Any"), wire.Bytes(2, []byte{8})},
			"error/foreign"},
		{"not an Any", wire.Message{wire.String(1, options), wire.Raw([]byte{8})}, "error/malformed"},
		{"no UTF-8", wire.Message{bad}, "error/malformed"},
		{"a wide tag", wire.Message{wire.String(1, options), wire.Varint(4, 1).WideTag(6)},
			"options, all at their defaults | error/malformed"},
		{"a wide tag in what is unknown", wire.Message{wire.String(1, options),
			wire.Sub(8, wire.Varint(4, 1).WideTag(6))}, "options, all at their defaults"},
		{"an overwritten type URL", wire.Message{bad, wire.String(1, options), wire.Varint(3, 1)},
			"error/malformed | error/foreign | options, all at their defaults"},
	} {
		want := RunHCS.Want(contract.Create, test.m.Encode())
		got := contract.Outcome{Kind: want.Kind, Options: want.Options}.String()
		for _, or := range want.Or {
			got += " | " + contract.Outcome{Kind: or.Kind, Options: or.Options}.String()
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	if opts, err := RunHCS.inAny(new(anypb.Any)); opts != nil || !errors.Is(err, ErrForeign) {
		t.Errorf("an Any of nothing: %v, %v; want an error", opts, err)
	}
}
