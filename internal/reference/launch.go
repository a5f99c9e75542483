package reference

import (
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"shimfuzz/internal/contract"
)

// usualLaunch is of no payload in particular.
var usualLaunch = contract.Launch{ID: "web-1", Namespace: "default"}

// Launches are the launches under which a payload tells readers apart that are given
// them. The first is the payload's own, under which such a reader answers as one that
// is not: of BootstrapParams, what they say; of an ID and a namespace alone, those.
// The others are what a container of another payload could be started with. All are
// UTF-8: BootstrapParams that say anything else are malformed under any launch.
func (t Type) Launches(b []byte) []contract.Launch {
	said, isParams := identityOf(b)
	own := usualLaunch
	legal := isIdentifier(said.ID) && isIdentifier(said.Namespace)
	if isParams && utf8.ValidString(said.ID) && utf8.ValidString(said.Namespace) || legal && !t.isNamed(said.ID) {
		own = said
	}
	all := []contract.Launch{own}
	add := func(id, namespace string) {
		l := contract.Launch{ID: id, Namespace: namespace}
		if isIdentifier(id) && isIdentifier(namespace) && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	add(usualLaunch.ID, usualLaunch.Namespace)
	if !legal {
		return all
	}
	add(said.ID, said.Namespace)
	add(said.Namespace, said.ID)
	for _, other := range []func(string) string{
		func(string) string { return "other" },
		func(s string) string { return s + "0" },
		func(s string) string { return s[:len(s)-1] },
		swapCase,
	} {
		add(other(said.ID), said.Namespace)
		add(said.ID, other(said.Namespace))
	}
	return all
}

// Launches are those of runhcs's Options.
func Launches(b []byte) []contract.Launch { return RunHCS.Launches(b) }

// identityOf is what the fields 1 and 2 of a payload say to the most lenient reader,
// and whether the payload is BootstrapParams.
func identityOf(b []byte) (said contract.Launch, isParams bool) {
	for at := 0; at < len(b); {
		f := new(lenient).field(b[at:], 0)
		if f.size == 0 {
			break
		}
		switch {
		case f.typ != protowire.BytesType:
		case f.num == 1:
			said.ID = string(f.value)
		case f.num == 2:
			said.Namespace = string(f.value)
		}
		want, ok := bootstrapFields[f.num]
		isParams = isParams || ok && f.typ == want
		at += f.size
	}
	return said, isParams
}

// swapCase changes the case of the letters that an identifier may have.
func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}
