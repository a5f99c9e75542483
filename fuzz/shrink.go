package fuzz

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"shimfuzz/internal/verdict"
)

// Failure runs the target on an input and returns the report of a failure, or nil.
func (t Target) Failure(parts [][]byte) (report *verdict.Report) {
	r := &recorder{name: t.Name}
	defer func() {
		if v := recover(); v != nil && v != r { // not what Wrong stops with
			panic(v)
		}
		report = r.report
	}()
	t.Run(r, parts...)
	return nil
}

// recorder stands for a testing.T and keeps the report of a failure.
type recorder struct {
	name   string
	report *verdict.Report
}

func (*recorder) Helper() {}

func (r *recorder) Name() string { return r.name }

func (r *recorder) Wrong(report verdict.Report, _ func()) {
	r.report = &report
	panic(r)
}

func (*recorder) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Shrink makes the case smaller while it fails for what it fails for at first, which Go's
// engine does not ask, until nothing more can be left out or set to zero, or the time is up.
// It writes each success, because an input can end the process, and then the last one that
// did not is kept.
func (c *Case) Shrink(limit time.Duration) (err error) {
	deadline := time.Now().Add(limit)
	first := c.Target.Failure(c.Parts)
	shrink(Join(c.Parts), func(input []byte) bool {
		if first == nil || err != nil || time.Now().After(deadline) {
			return false
		}
		parts := c.Target.Split(input)
		now := c.Target.Failure(parts)
		if now == nil || now.Group != first.Group {
			return false
		}
		c.Parts = parts
		err = c.write()
		return true
	})
	return err
}

// anywhere is the size up to which what is left out may begin at any byte, such
// as one field among others.
const anywhere = 64

// shrink leaves out halves of an input, quarters and so on, then what is smaller at every
// place, and then sets single bytes to zero, for as long as the result fails.
func shrink(input []byte, fails func([]byte) bool) {
	try := func(changed []byte) bool {
		if !fails(changed) {
			return false
		}
		input = changed
		return true
	}
	for before := []byte(nil); !bytes.Equal(before, input); {
		before = input
		for size := len(input); size > 0; size = min(size-1, max(size/2, anywhere)) {
			for at := 0; at+size <= len(input); {
				if !slices.ContainsFunc(without(input, at, size), try) {
					at += max(1, size-anywhere)
				}
			}
		}
		for at, b := range input {
			if b != 0 {
				try(slices.Concat(input[:at], []byte{0}, input[at+1:]))
			}
		}
	}
}

// without returns an input without size bytes at a place, and the same with each byte before
// them made less by size that can be the length of a field with these bytes in it.
func without(input []byte, at, size int) [][]byte {
	all := [][]byte{slices.Concat(input[:at], input[at+size:])}
	for i, length := range input[:at] {
		if i+1+int(length) >= at+size {
			all = append(all, slices.Concat(input[:i], []byte{length - byte(size)}, input[i+1:at], input[at+size:]))
		}
	}
	return all
}
