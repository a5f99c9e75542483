package grammar

import (
	"strings"

	"golang.org/x/mod/semver"

	"shimfuzz/internal/wire"
)

// Daemon is a containerd that starts shims.
type Daemon struct {
	Version     string // "v2.4.2"; what it calls itself is what it sends
	TTRPC, GRPC string // its addresses
	Binary      string // its own path
	SocketDir   string // for the shims' sockets; "" if none is configured
	Level       int64  // its log level as bootstrap.proto numbers it: 0 is info, -4 debug
}

// Start is what the daemon writes to the standard input of a shim that it starts,
// byte for byte: nothing, an Any, or BootstrapParams. url and value are the
// runtime options; an empty url is none. corpus/recorded is what it is held to.
func (d Daemon) Start(shim, id, namespace, url string, value []byte) []byte {
	e := &encoder{g: RunHCS, rnd: Lowest{}}
	if !d.bootstraps(shim) {
		if url == "" {
			return nil
		}
		return e.legacy(url, value)
	}
	parts := d.before(id, namespace)
	if url != "" {
		parts = append(parts, field(wire.Bytes(8, e.extension(url, value))))
	}
	if d.SocketDir != "" {
		parts = append(parts, field(wire.String(9, d.SocketDir)))
	}
	return e.assemble(Bootstrap, parts)
}

// bootstraps reports whether the daemon writes BootstrapParams: since 2.3, unless
// the shim's binary has one of two names.
func (d Daemon) bootstraps(shim string) bool {
	special := strings.Contains(shim, "shim-runhcs-v1") || strings.Contains(shim, "shim-runc-v1")
	return semver.Compare(d.Version, "v2.3.0") >= 0 && !special
}

// before is the fields that precede the extensions. The log level is left out at
// info, which is zero; the others are always there.
func (d Daemon) before(id, namespace string) []keyed {
	parts := append(make([]keyed, 0, 12), field(wire.String(1, id)), field(wire.String(2, namespace)))
	if d.Level != 0 {
		parts = append(parts, field(wire.Int(3, d.Level)))
	}
	return append(parts,
		field(wire.String(4, d.Version)),
		field(wire.String(5, d.TTRPC)),
		field(wire.String(6, d.GRPC)),
		field(wire.String(7, d.Binary)))
}
