//go:build !windows

package main

import "net"

// dial connects to a socket, for the tests of this package.
func dial(address string) (net.Conn, error) { return net.Dial("unix", address) }
