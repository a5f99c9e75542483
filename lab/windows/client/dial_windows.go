package main

import (
	"context"
	"net"

	"github.com/Microsoft/go-winio"
)

// dial connects to a named pipe. It waits while all instances of it are in use.
func dial(address string) (net.Conn, error) {
	return winio.DialPipeContext(context.Background(), address)
}
