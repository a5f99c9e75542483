// Package senders makes containerd's own code, of several releases, start a shim,
// and records what that shim finds on its standard input.
//
// The shim is a stand-in (folder standin) under a shim's name. containerd's code
// runs in a second program (folder recorder), which is built in a module of its own
// for each release. It calls what containerd's daemon calls, core/runtime/v2
// (runtime/v2 in 1.7), with the daemon's configuration. The recorded bytes are not
// edited: the paths in them come from the configuration, or are the same on every
// machine.
package senders
