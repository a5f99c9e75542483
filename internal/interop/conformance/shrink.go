package conformance

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"shimfuzz/internal/wire"
)

// Bounds on the questions that making one payload smaller takes.
const (
	maxRounds     = 60
	maxCandidates = 300     // in a round
	maxAsked      = 4 << 20 // bytes in a round
	maxShrunk     = 1 << 17 // bytes of a payload
)

// shrink makes the payload of a failure smaller, as long as the reader fails in the same
// way: an answer of the same kind in the place of the same ones, or some of the same
// fields wrong. It must not get features that it did not have, or one cause would become
// another. What is right for a smaller payload is the reference's to say.
func (r *run) shrink(ctx context.Context, f *failure) error {
	if len(f.payload) > maxShrunk {
		return nil
	}
	features := r.subject.features(f.payload)
	for range maxRounds {
		var candidates [][]byte
		size := 0
		for c := range r.subject.smaller(f.payload, r.subject.envelope(f.payload)) {
			candidates = append(candidates, c)
			if size += len(c); len(candidates) == maxCandidates || size > maxAsked {
				break
			}
		}
		// The smallest that fails in the same way; at the same size, the first.
		slices.SortStableFunc(candidates, func(a, b []byte) int { return len(a) - len(b) })
		answers, err := r.ask(ctx, candidates)
		if err != nil {
			return err
		}
		found := false
		for i, c := range candidates {
			smaller := &failure{payload: c, want: r.subject.want(c), got: answers[i]}
			smaller.verdict = r.subject.judge(c, smaller.want, smaller.got)
			if smaller.verdict.Fails() && smaller.isLike(f) && isSubset(r.subject.features(c), features) {
				*f, found = *smaller, true
				break
			}
		}
		if !found {
			return nil
		}
	}
	return nil
}

// isLike reports whether f is a wrong answer of the same kind as an earlier one.
func (f *failure) isLike(earlier *failure) bool {
	if kinds(f.want) != kinds(earlier.want) || f.got.Kind != earlier.got.Kind || f.verdict.Finding != earlier.verdict.Finding {
		return false
	}
	was := differences(earlier.want, earlier.got)
	return !slices.ContainsFunc(differences(f.want, f.got), func(d difference) bool { return !slices.Contains(was, d) })
}

// smaller yields a message with one thing in it left out or made smaller. md is nil for
// a message of which nothing is known.
func (s *subject) smaller(b []byte, md protoreflect.MessageDescriptor) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		fields, rest := wire.Parse(b)
		with := func(at, size int, piece []byte) bool {
			return yield(slices.Concat(b[:at], piece, b[at+size:]))
		}
		url := ""
		for _, f := range fields {
			if !with(f.Offset, len(f.Raw), nil) {
				return
			}
			if f.Num == 1 && f.Type == protowire.BytesType {
				url = string(f.Value)
			}
		}
		for _, f := range fields {
			for piece := range s.smallerField(f, s.descriptorOf(f, md, url)) {
				if !with(f.Offset, len(f.Raw), piece) {
					return
				}
			}
		}
		for piece := range shorter(rest) {
			if !with(len(b)-len(rest), len(rest), piece) {
				return
			}
		}
	}
}

// descriptorOf describes the message that a field of another holds, an Any of a type URL
// included; nil if none is known.
func (s *subject) descriptorOf(f wire.Field, md protoreflect.MessageDescriptor, url string) protoreflect.MessageDescriptor {
	if md == nil || f.Type != protowire.BytesType {
		return nil
	}
	if md.FullName() == "google.protobuf.Any" && f.Num == 2 {
		return s.inside(url)
	}
	if fd := md.Fields().ByNumber(f.Num); fd != nil {
		return fd.Message()
	}
	return nil
}

// smallerField yields a field with a smaller value, or in a shorter encoding.
func (s *subject) smallerField(f wire.Field, md protoreflect.MessageDescriptor) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		tag, n := protowire.ConsumeVarint(f.Raw)
		head := f.Raw[:n]
		if n > protowire.SizeVarint(tag) && !yield(append(protowire.AppendVarint(nil, tag), f.Raw[n:]...)) {
			return
		}
		switch f.Type {
		case protowire.VarintType:
			v, m := protowire.ConsumeVarint(f.Value)
			for _, smaller := range []uint64{v, 0, 1} {
				if protowire.SizeVarint(smaller) < m && !yield(protowire.AppendVarint(slices.Clip(head), smaller)) {
					return
				}
			}
		case protowire.BytesType:
			width := len(f.Raw) - n - len(f.Value)
			minimal := protowire.SizeVarint(uint64(len(f.Value)))
			if width > minimal && !yield(protowire.AppendBytes(slices.Clip(head), f.Value)) {
				return
			}
			if width == minimal {
				width = 0
			}
			values := shorter(f.Value)
			if md != nil {
				values = s.smaller(f.Value, md)
			}
			for value := range values {
				if !yield(slices.Concat(head, wire.WideVarint(uint64(len(value)), width), value)) {
					return
				}
			}
		case protowire.StartGroupType:
			body, _ := protowire.ConsumeGroup(f.Num, f.Raw[n:])
			end := f.Raw[n+len(body):]
			for value := range s.smaller(body, nil) {
				if !yield(slices.Concat(head, value, end)) {
					return
				}
			}
		}
	}
}

// shorter yields b with less in it: nothing, either half, and without its ends.
func shorter(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(b) == 0 {
			return
		}
		half := len(b) / 2
		for _, c := range [][]byte{nil, b[half:], b[:half], b[1:], b[:len(b)-1]} {
			if len(c) < len(b) && !yield(bytes.Clone(c)) {
				return
			}
		}
	}
}
