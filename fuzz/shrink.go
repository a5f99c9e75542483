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

// Shrink makes an input smaller while it fails for what it fails for at first, until nothing
// more can be left out or set to zero, or the time is up. It calls smaller for each success.
func (t Target) Shrink(parts [][]byte, limit time.Duration, smaller func([][]byte)) {
	first := t.Failure(parts)
	if first == nil {
		return
	}
	shrink(parts, limit, func(parts [][]byte) bool {
		now := t.Failure(parts)
		return now != nil && now.Group == first.Group
	}, smaller)
}

func shrink(parts [][]byte, limit time.Duration, fails func([][]byte) bool, smaller func([][]byte)) {
	deadline := time.Now().Add(limit)
	for again := true; again; {
		again = false
		for i := range parts {
			shrinkPart(parts[i], func(part []byte) bool {
				changed := slices.Clone(parts)
				changed[i] = part
				if time.Now().After(deadline) || !fails(changed) {
					return false
				}
				parts, again = changed, true
				smaller(parts)
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
	for size := len(part); size > anywhere; size /= 2 {
		for at := 0; at < len(part); {
			if !try(without(part, at, size)) {
				at += size
			}
		}
	}
	for size := anywhere; size > 0; size-- {
		for at := 0; at+size <= len(part); {
			if !try(without(part, at, size)) && !slices.ContainsFunc(lengths(part, at, size), func(i int) bool {
				changed := without(part, at, size)
				changed[i] -= byte(size)
				return try(changed)
			}) {
				at++
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

func without(part []byte, at, size int) []byte {
	return slices.Concat(part[:at], part[min(at+size, len(part)):])
}

// lengths are the bytes before at that can be the length of a field with the size
// bytes from there in it.
func lengths(part []byte, at, size int) (list []int) {
	for i, b := range part[:at] {
		if i+1+int(b) >= at+size {
			list = append(list, i)
		}
	}
	return list
}
