// Package programs builds programs of this suite in modules of their own, so that
// they link releases that the suite's go.mod does not select.
package programs
