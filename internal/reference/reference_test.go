package reference

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/wire"
)

// Every error says which family, field and type URL it is about, and can be
// told from the others. That the outcomes are right is for package properties.
func TestErrors(t *testing.T) {
	options := "containerd.runhcs.v1.Options"
	broken := wire.Bytes(2, []byte{0x08})
	for _, test := range []struct {
		name    string
		payload wire.Message
		want    Error
		text    string // of the error, up to protobuf's own words
	}{
		{"not protobuf", wire.Message{wire.Raw([]byte("{}"))}, Error{Kind: ErrMalformed}, "malformed shim options: no protobuf message: at byte 0: "},
		{"not protobuf from the second field on", wire.Message{wire.String(1, "a"), wire.Raw([]byte("{}"))},
			Error{Kind: ErrMalformed}, "malformed shim options: no protobuf message: at byte 3: "},
		{"legacy, broken value", wire.Message{wire.String(1, "x/"+options), broken},
			Error{Kind: ErrMalformed, Family: "Any", Field: "value", TypeURL: "x/" + options}, `malformed shim options: Any.value: type URL "x/` + options + `": `},
		{"legacy, foreign", wire.Message{wire.String(1, "runtimeoptions.v1.Options")},
			Error{Kind: ErrForeign, Family: "Any", Field: "type_url", TypeURL: "runtimeoptions.v1.Options"}, `shim options of another type: Any.type_url: type URL "runtimeoptions.v1.Options": want ` + options},
		{"legacy, no type", wire.Message{wire.Bytes(2, []byte{0x08})},
			Error{Kind: ErrForeign, Family: "Any", Field: "type_url"}, "shim options of another type: Any.type_url: want " + options},
		{"legacy, no UTF-8", wire.Message{wire.String(1, "\xff")}, Error{Kind: ErrMalformed, Family: "Any"}, "malformed shim options: Any: "},
		{"bootstrap, no UTF-8", wire.Message{wire.String(4, "\xff")}, Error{Kind: ErrMalformed, Family: "BootstrapParams"}, "malformed shim options: BootstrapParams: "},
		{"bootstrap, broken value of the second extension", wire.Message{wire.Sub(8), wire.Sub(8, wire.Sub(1, wire.String(1, options), broken))},
			Error{Kind: ErrMalformed, Family: "BootstrapParams", Field: "extensions[1].value", TypeURL: options},
			`malformed shim options: BootstrapParams.extensions[1].value: type URL "` + options + `": `},
		{"bad number in a group", wire.Message{wire.String(1, options), wire.Sub(2, wire.Group(30, wire.Tag(1<<29, 0), wire.Raw([]byte{1})))},
			Error{Kind: ErrMalformed, Family: "Any", Field: "value", TypeURL: options},
			`malformed shim options: Any.value: type URL "` + options + `": field number above 536870911 in a group`},
		{"bad number in a group of a sub-message", wire.Message{wire.String(1, options), wire.Sub(2, wire.Sub(18, wire.Group(30, wire.Tag(1<<29, 0), wire.Raw([]byte{1}))))},
			Error{Kind: ErrMalformed, Family: "Any", Field: "value", TypeURL: options},
			`malformed shim options: Any.value: type URL "` + options + `": default_container_annotations: field number above 536870911 in a group`},
		{"bad number in a group of a sub-message after a group", wire.Message{wire.String(1, options), wire.Sub(2, wire.Group(30), wire.Sub(18, wire.Group(30, wire.Tag(1<<29, 0), wire.Raw([]byte{1}))))},
			Error{Kind: ErrMalformed, Family: "Any", Field: "value", TypeURL: options},
			`malformed shim options: Any.value: type URL "` + options + `": default_container_annotations: field number above 536870911 in a group`},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts, err := ReadOptions(strings.NewReader(string(test.payload.Encode())))
			var got *Error
			if opts != nil || !errors.As(err, &got) {
				t.Fatalf("ReadOptions = %v, %v; want an *Error", opts, err)
			}
			if !errors.Is(err, test.want.Kind) || got.Family != test.want.Family || got.Field != test.want.Field || got.TypeURL != test.want.TypeURL {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if got.Err == nil {
				t.Errorf("%q has no cause", err)
			}
			if !strings.HasPrefix(err.Error(), test.text) {
				t.Errorf("%q does not begin with %q", err, test.text)
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

// What stands in an unknown group is not decoded as a sub-message, whatever its number.
func TestGroupsAreUnknown(t *testing.T) {
	inGroup := wire.Group(30, wire.Bytes(18, []byte{0x0b, 0x80, 0x80, 0x80, 0x80, 0x10, 1, 0x0c}))
	payload := wire.Message{wire.String(1, "containerd.runhcs.v1.Options"), wire.Sub(2, inGroup)}
	opts, err := ReadOptions(strings.NewReader(string(payload.Encode())))
	if opts == nil || err != nil {
		t.Errorf("ReadOptions = %v, %v; want options", opts, err)
	}
}
