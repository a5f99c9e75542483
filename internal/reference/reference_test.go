package reference

import (
	"errors"
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
		text    string
	}{
		{"not protobuf", wire.Message{wire.Raw([]byte("{}"))}, Error{Kind: ErrMalformed}, "at byte 0"},
		{"legacy, broken value", wire.Message{wire.String(1, "x/"+options), broken},
			Error{Kind: ErrMalformed, Family: "Any", Field: "value", TypeURL: "x/" + options}, `Any.value: type URL "x/` + options + `"`},
		{"legacy, foreign", wire.Message{wire.String(1, "runtimeoptions.v1.Options")},
			Error{Kind: ErrForeign, Family: "Any", Field: "type_url", TypeURL: "runtimeoptions.v1.Options"}, "want " + options},
		{"legacy, no UTF-8", wire.Message{wire.String(1, "\xff")}, Error{Kind: ErrMalformed, Family: "Any"}, "UTF-8"},
		{"bootstrap, no UTF-8", wire.Message{wire.String(4, "\xff")}, Error{Kind: ErrMalformed, Family: "BootstrapParams"}, "UTF-8"},
		{"bootstrap, broken value of the second extension", wire.Message{wire.Sub(8), wire.Sub(8, wire.Sub(1, wire.String(1, options), broken))},
			Error{Kind: ErrMalformed, Family: "BootstrapParams", Field: "extensions[1].value", TypeURL: options}, "BootstrapParams.extensions[1].value"},
		{"bad number in a group", wire.Message{wire.String(1, options), wire.Sub(2, wire.Group(30, wire.Tag(1<<29, 0), wire.Raw([]byte{1})))},
			Error{Kind: ErrMalformed, Family: "Any", Field: "value", TypeURL: options}, "in a group"},
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
			if !strings.Contains(err.Error(), test.text) {
				t.Errorf("%q does not say %q", err, test.text)
			}
		})
	}
}

func TestReadError(t *testing.T) {
	cause := errors.New("disk on fire")
	_, err := ReadOptions(iotest.ErrReader(cause))
	if !errors.Is(err, ErrRead) || !errors.Is(err, cause) || kind(err) != contract.Read {
		t.Errorf("%v is not a read error that wraps its cause", err)
	}
}
