package wine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The user's own settings of Wine do not reach the programs, all others do.
func TestEnviron(t *testing.T) {
	t.Setenv("WINEPREFIX", "/home/me/.wine")
	t.Setenv("WINEARCH", "win32")
	t.Setenv("SHIMFUZZ_TEST", "x")
	env := (&Host{prefix: "/tmp/prefix", server: "/bin/wineserver"}).environ()
	if !slices.Contains(env, "SHIMFUZZ_TEST=x") {
		t.Error("another variable is missing")
	}
	var wine []string
	for _, v := range env {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "WINE") {
			wine = append(wine, name)
		}
	}
	want := []string{"WINEPREFIX", "WINEDEBUG", "WINEDLLOVERRIDES", "WINESERVER"}
	if native {
		want = nil
	}
	if !slices.Equal(wine, want) {
		t.Errorf("Wine's variables are %q, want %q", wine, want)
	}
	if !native && (!slices.Contains(env, "WINEPREFIX=/tmp/prefix") || !slices.Contains(env,
		"WINESERVER=/bin/wineserver")) {
		t.Errorf("the prefix or the server is missing: %q", env)
	}
}

// The first program of a list that exists is taken.
func TestFirstOf(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	for _, test := range []struct {
		names []string
		want  string
	}{
		{[]string{missing, self}, self},
		{[]string{self, missing}, self},
		{[]string{missing}, ""},
		{nil, ""},
	} {
		if got := firstOf(test.names); got != test.want {
			t.Errorf("firstOf(%q) = %q, want %q", test.names, got, test.want)
		}
	}
}

// Only one holder has the lock, until it releases it.
func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	release, err := Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(name); !errors.Is(err, errLocked) {
		t.Errorf("a second Lock: %v, want %v", err, errLocked)
	}
	release()
	release, err = Lock(name)
	if err != nil {
		t.Fatalf("Lock after release: %v", err)
	}
	release()
	if _, err := Lock(filepath.Join(name, "lock")); err == nil {
		t.Error("Lock of a file that cannot be created: no error")
	}
}

// A prefix is complete when its creation has reached the last step.
func TestComplete(t *testing.T) {
	h := &Host{prefix: t.TempDir()}
	if h.complete() {
		t.Error("an empty prefix is complete")
	}
	if err := os.MkdirAll(filepath.Dir(h.random()), 0o777); err != nil {
		t.Fatal(err)
	}
	if h.complete() {
		t.Error("a prefix without the library is complete")
	}
	if err := os.WriteFile(h.random(), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if !h.complete() {
		t.Error("a prefix with the library is not complete")
	}
}

// An error of Wine's says what it was doing, and one of a full disk or of an
// interrupt says that.
func TestBroken(t *testing.T) {
	cause := errors.New("exit status 1")
	h := &Host{wine: "wine64", prefix: t.TempDir()}
	err := h.broken(context.Background(), "running a program", []byte("a\nb"), cause)
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "running a program") ||
		!strings.HasSuffix(err.Error(), "a b") {
		t.Errorf("broken = %v", err)
	}
	h.prefix = filepath.Join(h.prefix, "missing")
	if err := h.broken(context.Background(), "running a program", nil, cause); !strings.Contains(err.Error(),
		"no space for Wine's prefix") {
		t.Errorf("broken without space = %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.broken(ctx, "running a program", nil, cause); !errors.Is(err, context.Canceled) {
		t.Errorf("broken after an interrupt = %v", err)
	}
}
