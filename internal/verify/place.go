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

// moduleRoot is the folder of the suite's go.mod, above the working directory
// that "go test" gives a test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory")
		}
	}
	return "", err
}
