package main

import (
	"context"
	"net"

	"github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// connection is a connection to a shim's API.
type connection struct {
	net.Conn
	task task.TTRPCTaskService
	pid  int // of the shim, as it has answered Connect
}

// connections is how many are made where one is needed. Under Wine 8 a connection was seen
// never to be answered. Probably it is one to the instance of the pipe that go-winio's
// ListenPipe creates and never serves (firstHandle in pipe.go), so no more than one is
// expected.
const connections = 2

// connect makes connections to a shim, calls Connect on each, and returns the first
// that is answered. The others stay open.
func connect(address, id string) (c *connection, err error) {
	type result struct {
		c   *connection
		err error
	}
	results := make(chan result, connections)
	for range connections {
		go func() {
			pipe, err := dial(address)
			if err != nil {
				results <- result{nil, err}
				return
			}
			c := &connection{Conn: pipe, task: task.NewTTRPCTaskClient(ttrpc.NewClient(pipe))}
			results <- result{c, c.connect(id)}
		}()
	}
	for range connections {
		r := <-results
		if r.err == nil {
			return r.c, nil
		}
		err = r.err
	}
	return nil, err
}

func (c *connection) connect(id string) error {
	r, err := c.task.Connect(context.Background(), &task.ConnectRequest{ID: id})
	c.pid = int(r.GetShimPid())
	return err
}

// create calls Create with these bytes in the field options. They travel as an
// unknown field, because they may be no Any.
func (c *connection) create(id, bundle string, options []byte) error {
	req := &task.CreateTaskRequest{ID: id, Bundle: bundle}
	if options != nil {
		raw := protowire.AppendTag(nil, 10, protowire.BytesType)
		req.ProtoReflect().SetUnknown(protowire.AppendBytes(raw, options))
	}
	_, err := c.task.Create(context.Background(), req)
	return err
}
