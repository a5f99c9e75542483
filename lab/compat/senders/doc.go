// Package senders makes containerd's own code, of several releases, start a shim,
// and records what that shim finds on its standard input.
//
// The shim is a stand-in (folder standin) under a shim's name. containerd's code
// runs in two other programs, which are built for each release in a module whose path
// is below containerd's, so that they may import its internal packages. The folder
// recorder calls the manager of shims, core/runtime/v2 (runtime/v2 in 1.7), with the
// daemon's configuration. The folder daemon is what stands above that manager: a
// configuration file, containerd's server with its plugins, CRI's options, the client,
// and Create, which the stand-in's services answer. The recorded bytes are not edited:
// the paths in them come from the configuration, or are the same on every machine.
package senders
