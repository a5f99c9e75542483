package shims

import (
	"errors"
	"os"
	"path/filepath"
)

// policyModule checks signatures of security policies, long after the shim has
// read its options. Some module proxies do not have it.
const policyModule = "github.com/Microsoft/cosesign1go"

// standInText declares the names of policyModule that hcsshim uses. If a later
// hcsshim uses more, it does not compile.
const standInText = `// Package cosesign1 is shimfuzz's stand-in for a module that is not available. It
// declares the names that hcsshim needs to compile; its functions panic.
package cosesign1

import "crypto"

const COSE_Header_CWTClaims = int64(0)

type UnpackedCoseSign1 struct {
	Issuer, Feed, ContentType, ChainPem string
	Payload                             []byte
	Protected                           map[any]any
	Receipts                            []ParsedCOSEReceipt
}

type ParsedCOSEReceipt struct{ Issuer, Kid string }

func (ParsedCOSEReceipt) Validate(map[string]crypto.PublicKey) error { panic(missing) }

func UnpackAndValidateCOSE1CertChain([]byte) (*UnpackedCoseSign1, error) { panic(missing) }

func ParseTTLPayload([]byte) (map[string]map[string]crypto.PublicKey, error) { panic(missing) }

const missing = "shimfuzz built this shim without ` + policyModule + `"
`

// writeStandIn writes the stand-in as a module of its own.
func writeStandIn(dir string) error {
	pkg := filepath.Join(dir, "pkg", "cosesign1")
	return errors.Join(
		os.MkdirAll(pkg, 0o777),
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+policyModule+"\n\ngo 1.21\n"), 0o666),
		os.WriteFile(filepath.Join(pkg, "cosesign1.go"), []byte(standInText), 0o666))
}
