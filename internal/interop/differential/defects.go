package differential

import (
	"context"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/contract"
	"shimfuzz/internal/interop/examples"
	"shimfuzz/internal/reference"
	"shimfuzz/internal/stdin"
	"shimfuzz/internal/wire"
)

// asked is how the reader of an example is asked.
var asked = map[string]Engine{
	"python": {Every: 11},
	"cpp": {Defects: []Defect{
		{"cut-tag", "a tag of 2^32 or more in five bytes is cut to 32 bits (ReadTag in parse_context.h)", reads(cutTag)},
	}},
}

// Engines builds the example readers and returns them. The one in Go is built on the
// engine of the reference.
func Engines(ctx context.Context, root string) (all []Engine, err error) {
	for _, e := range examples.All() {
		engine := asked[e.Name]
		engine.Name, engine.On, engine.NotRun = e.Name, e.Engine, e.Missing()
		if engine.NotRun != "" {
			engine.NotRun = "there is no " + engine.NotRun
		} else if engine.Command, err = e.Build(ctx, root); err != nil {
			return nil, err
		}
		if e.Name == "go" {
			engine.On += ", as the reference: no independent witness"
		}
		all = append(all, engine)
	}
	return all, nil
}

// cutTag reads the tags of 2^32 or more in five bytes as libprotobuf does, which drops
// what is above 32 bits.
func cutTag(_ protoreflect.MessageDescriptor, tag []byte) {
	if len(tag) == 5 {
		tag[4] &= 0xf
	}
}

// reads is a predicate of an engine that reads some tags as others: the answer is the
// one to a payload with those. They are as many bytes long.
func reads(as func(md protoreflect.MessageDescriptor, tag []byte)) func([]byte, contract.Outcome) bool {
	return func(payload []byte, got contract.Outcome) bool {
		b := slices.Clone(payload)
		eachTag(b, nil, as) // so that the message is the one that the engine sees
		eachTag(b, stdin.Descriptor(contract.Stdin, b), as)
		return !slices.Equal(b, payload) && allowed(reference.Want(b), got) >= 0
	}
}

// eachTag visits the tags of a message, and of the messages in it that md describes, and
// visit may change them. It ends at the first that cannot be read.
func eachTag(b []byte, md protoreflect.MessageDescriptor, visit func(md protoreflect.MessageDescriptor, tag []byte)) {
	var last wire.Field // field 2
	url := ""
	groups := 0
	for len(b) > 0 {
		_, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return
		}
		if groups > 0 {
			visit(nil, b[:n])
		} else {
			visit(md, b[:n])
		}
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		switch typ {
		case protowire.StartGroupType:
			groups++
			continue
		case protowire.EndGroupType:
			groups--
			continue
		}
		size := protowire.ConsumeFieldValue(num, typ, b)
		if size < 0 {
			return
		}
		if typ == protowire.BytesType && groups == 0 {
			f := wire.Field{Num: num, Type: typ}
			f.Value, _ = protowire.ConsumeBytes(b)
			if num == 1 {
				url = string(f.Value)
			}
			if num == 2 {
				last = f
			}
			if inner := wire.Inner(f, md, "", noSchema); inner != nil {
				eachTag(f.Value, inner, visit)
			}
		}
		b = b[size:]
	}
	if inner := wire.Inner(last, md, url, ours); inner != nil {
		eachTag(last.Value, inner, visit)
	}
}

func noSchema(string) protoreflect.MessageDescriptor { return nil }

// ours describes what an Any with a type URL holds, if that is Options.
func ours(url string) protoreflect.MessageDescriptor {
	if stdin.TypeName(url) != contract.OptionsName {
		return nil
	}
	return stdin.Inside(url)
}
