// Command snapshot writes what the build that it is in answers to the corpus, and which
// messages it links, for package watch.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootstrap "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"shimfuzz/corpus"
	"shimfuzz/internal/contract"
	"shimfuzz/internal/decoder"
	"shimfuzz/internal/hcsshim"
	"shimfuzz/internal/verdict"
	"shimfuzz/internal/verify"
	"shimfuzz/lab/upstream/watch"
)

func main() {
	s, err := take()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func take() (*watch.Snapshot, error) {
	if err := hcsshim.Ready(); err != nil {
		return nil, err
	}
	cases, err := corpus.Load()
	if err != nil {
		return nil, err
	}
	s := &watch.Snapshot{Answers: make(map[string]watch.Answer)}
	for _, d := range verify.Decoders() {
		for _, c := range cases {
			if s.Answers[d.Name+": "+c.Name], err = answer(d, c); err != nil {
				return nil, err
			}
		}
	}
	params, opts := new(bootstrap.BootstrapParams), new(options.Options)
	for _, name := range corpus.Unset(cases, params.ProtoReflect().Descriptor(), opts.ProtoReflect().Descriptor()) {
		s.Unset = append(s.Unset, string(name))
	}
	protoregistry.GlobalTypes.RangeMessages(func(mt protoreflect.MessageType) bool {
		addType(s, mt.Descriptor())
		return true
	})
	slices.Sort(s.Types)
	slices.Sort(s.Fields)
	return s, nil
}

func answer(d decoder.Decoder, c corpus.Case) (watch.Answer, error) {
	p := verify.For(d, c.Payload)
	got := d.Decode(bytes.NewReader(p.Bytes), p.Bytes)
	a := watch.Answer{Text: string(got.Kind)} // the text of an error may change
	if got.Options != nil {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(contract.WithoutUnknown(got.Options))
		if err != nil {
			return a, err
		}
		a.Text += fmt.Sprintf(" %x", b)
	}
	known := verify.KnownOf(d)
	v := verdict.Of(verdict.Question{Payload: p.Bytes, Input: d.Input, Want: p.Want}, got, known, known)
	switch {
	case v.Fails():
		a.Finding = watch.Unexplained
	case v.Kind == verdict.Known:
		a.Finding = v.Finding.Name
	}
	return a, nil
}

func addType(s *watch.Snapshot, md protoreflect.MessageDescriptor) {
	s.Types = append(s.Types, string(md.FullName()))
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		presence := ""
		if fd.HasPresence() {
			presence = ", optional"
		}
		s.Fields = append(s.Fields, fmt.Sprintf("%s: %d %s, %s%s", md.FullName(), fd.Number(), fd.Name(), fd.Kind(),
			presence))
	}
}
