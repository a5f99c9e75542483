package properties

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"pgregory.net/rapid"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/payload"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/verify"
	"shimfuzz/internal/wire"
)

// A reader that is given the launch answers a payload under the payload's own launch as
// any reader, and takes another container's for none of its own (L1, L2). The decoder
// under test is asked so by every property if it takes the launch.
func TestLaunch(t *testing.T) {
	generators := map[string]func(payload.Rand) payload.Payload{
		"valid":   func(rnd payload.Rand) payload.Payload { return payload.RunHCS.Valid(rnd, payload.AllVariations) },
		"minimal": payload.RunHCS.Minimal, "foreign": payload.RunHCS.Foreign, "malformed": payload.RunHCS.Malformed, "free": payload.RunHCS.Free,
	}
	for name, generate := range generators {
		payloads := drawn(generate)
		t.Run(name, rapid.MakeCheck(func(rt *rapid.T) {
			verify.Run(rt, reference.LaunchedDecoder, verify.Check{Guarantee: contract.NonInterference, Payload: payloads.Draw(rt, "payload")})
		}))
	}
}

// launchBugs are what people write who use the launch.
var launchBugs = map[string]func(b []byte, said, l contract.Launch) (*options.Options, error){
	"it is ignored": func(b []byte, _, _ contract.Launch) (*options.Options, error) {
		return reference.ReadOptions(bytes.NewReader(b))
	},
	"the ID alone": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		return readLaunched(b, contract.Launch{ID: l.ID, Namespace: said.Namespace})
	},
	"the namespace alone": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		return readLaunched(b, contract.Launch{ID: said.ID, Namespace: l.Namespace})
	},
	"one of the two": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		return readLaunchedIf(b, said, l, said.ID == l.ID || said.Namespace == l.Namespace)
	},
	"the two swapped": func(b []byte, _, l contract.Launch) (*options.Options, error) {
		return readLaunched(b, contract.Launch{ID: l.Namespace, Namespace: l.ID})
	},
	"in any case": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		return readLaunchedIf(b, said, l, strings.EqualFold(said.ID, l.ID) && strings.EqualFold(said.Namespace, l.Namespace))
	},
	"a prefix of the payload's": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		return readLaunchedIf(b, said, l, strings.HasPrefix(said.ID, l.ID) && strings.HasPrefix(said.Namespace, l.Namespace))
	},
	"a prefix of the launch's": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		return readLaunchedIf(b, said, l, strings.HasPrefix(l.ID, said.ID) && strings.HasPrefix(l.Namespace, said.Namespace))
	},
	"the first occurrence": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		fields, _ := wire.Parse(b)
		for _, f := range fields {
			if f.Num == 1 && string(f.Value) != l.ID && stdin.IsBootstrap(b) {
				return nil, errors.New("of another container")
			}
		}
		return readLaunched(b, l)
	},
	"another container's are none": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		if stdin.IsBootstrap(b) && said != l {
			return nil, nil
		}
		return readLaunched(b, l)
	},
	"BootstrapParams alone": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		return readLaunchedIf(b, said, l, !stdin.IsBootstrap(b))
	},
	"an ID and a namespace alone": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		return readLaunchedIf(b, said, l, stdin.IsBootstrap(b))
	},
	"before the name of Options": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		if !stdin.IsBootstrap(b) && said == l {
			return nil, nil
		}
		return readLaunched(b, l)
	},
	"in the place of the fields": func(b []byte, said, l contract.Launch) (*options.Options, error) {
		if said != l {
			return reference.CreateDecoder.Read(bytes.NewReader(b))
		}
		return readLaunched(b, l)
	},
}

func readLaunched(b []byte, l contract.Launch) (*options.Options, error) {
	return reference.ReadLaunched(bytes.NewReader(b), l)
}

// readLaunchedIf takes the launch for the one that the payload says if it is equal.
func readLaunchedIf(b []byte, said, l contract.Launch, equal bool) (*options.Options, error) {
	if equal {
		l = said
	}
	return readLaunched(b, l)
}

// The corpus kills every bug in how the launch is used, and not the reference.
func TestLaunchBugs(t *testing.T) {
	cases := load(t)
	fails := func(d decoder.Decoder) bool {
		for _, c := range cases {
			for _, check := range (verify.Check{Payload: c.Payload}).Launched(d) {
				if check.Judge(d, d.Decode(bytes.NewReader(c.Payload.Bytes), c.Payload.Bytes, check.Launch)).Fails() {
					return true
				}
			}
		}
		return false
	}
	if fails(reference.LaunchedDecoder) {
		t.Error("the reference fails")
	}
	for name, read := range launchBugs {
		buggy := reference.LaunchedDecoder // so that no finding is excused
		buggy.ReadLaunched = func(r io.Reader, l contract.Launch) (*options.Options, error) {
			b, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			id, namespace := stdin.AnyParts(b)
			return read(b, contract.Launch{ID: id, Namespace: string(namespace)}, l)
		}
		if !fails(buggy) {
			t.Errorf("no case tells that the launch is used wrongly: %s", name)
		}
	}
}
