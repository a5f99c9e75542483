package fuzz

import (
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
	shrink(c.Parts, func(parts [][]byte) bool {
		if first == nil || err != nil || time.Now().After(deadline) {
			return false
		}
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

func shrink(parts [][]byte, fails func([][]byte) bool) {
	for again := true; again; {
		again = false
		for i := range parts {
			shrinkPart(parts[i], func(part []byte) bool {
				changed := slices.Clone(parts)
				changed[i] = part
				if !fails(changed) {
					return false
				}
				parts, again = changed, true
				return true
			})
		}
	}
}

// anywhere is the size up to which what is left out may begin at any byte, such
// as one field among others.
const anywhere = 64

// shrinkPart leaves out halves, quarters and so on, then what is smaller at every
// place, and then sets single bytes to zero.
func shrinkPart(part []byte, fails func([]byte) bool) {
	try := func(changed []byte) bool {
		if !fails(changed) {
			return false
		}
		part = changed
		return true
	}
	// cut leaves out size bytes, if need be with their part of a length: that of a field
	// with these bytes in it.
	cut := func(at, size int) bool {
		if try(slices.Concat(part[:at], part[at+size:])) {
			return true
		}
		for i, length := range part[:at] {
			if i+1+int(length) < at+size {
				continue
			}
			if try(slices.Concat(part[:i], []byte{length - byte(size)}, part[i+1:at], part[at+size:])) {
				return true
			}
		}
		return false
	}
	for size := len(part); size > 0; size = min(size-1, max(size/2, anywhere)) {
		step := 1
		if size > anywhere {
			step = size
		}
		for at := 0; at+size <= len(part); {
			if !cut(at, size) {
				at += step
			}
		}
	}
	for at := range part {
		if changed := slices.Clone(part); changed[at] != 0 {
			changed[at] = 0
			try(changed)
		}
	}
}
