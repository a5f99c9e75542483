package wine

import (
	"errors"
	"fmt"

	"github.com/gofrs/flock"
)

// errLocked is the error of a lock that another process has.
var errLocked = errors.New("another process has the lock")

// Lock takes the exclusive lock on a file, which it creates if necessary. It does
// not wait: it returns an error if another process has the lock. The lock ends
// with release, or with the process.
func Lock(name string) (release func(), err error) {
	lock := flock.New(name)
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = errLocked
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errors.Join(err, lock.Close()))
	}
	return func() { _ = lock.Close() }, nil // nothing was written to the file
}
