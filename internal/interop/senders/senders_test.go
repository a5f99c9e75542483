package senders

import (
	"testing"

	"golang.org/x/mod/semver"

	"shimfuzz/corpus/table"
)

// There is a recording of every release for every request that it supports: -info
// since 2.0, a folder for the sockets since 2.3.
func TestRecordingsAreAll(t *testing.T) {
	have, err := table.Recordings()
	if err != nil {
		t.Fatal(err)
	}
	var want []table.Recording
	for _, version := range Releases {
		for _, r := range asks() {
			if r.Action == "info" && semver.Compare(version, "v2.0.0") < 0 || r.SocketDir != "" && semver.Compare(version, "v2.3.0") < 0 {
				continue
			}
			want = append(want, table.Recording{Origin: table.Origin{Containerd: version, Request: r}})
		}
	}
	if len(have) != len(want) {
		t.Fatalf("%d recordings, want %d: run make record", len(have), len(want))
	}
	for i, r := range have {
		if r.Containerd != want[i].Containerd || r.Request != want[i].Request {
			t.Errorf("recording %d is %s, want %s: run make record", i, r.Name(), want[i].Name())
		}
		if r.Module != modulePath(r.Containerd) || r.Sum == "" || r.Entry == "" {
			t.Errorf("%s: the origin is incomplete", r.Name())
		}
	}
}
