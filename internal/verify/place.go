package verify

import (
	"errors"
	"os"
	"path/filepath"

	"shimfuzz/internal/exchange"
)

func buildDir() (string, error) {
	if dir := os.Getenv(exchange.Build); dir != "" {
		return dir, nil
	}
	root, err := moduleRoot()
	return filepath.Join(root, "build", "default"), err
}

// moduleRoot is the root of the suite's tree, above the working directory that
// "go test" gives a test. A build folder has a go.mod, too, so that is no sign.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "internal", "hcsshim", "hcsshim.go")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the working directory is not within a clone of shimfuzz")
		}
	}
	return "", err
}
