#!/bin/bash -eux
# Licensed under the Apache License, Version 2.0, as OSS-Fuzz asks of the files
# of a project: http://www.apache.org/licenses/LICENSE-2.0
#
# Builds every fuzz target on the hcsshim that the Dockerfile has put at $SRC/hcsshim, with its
# seeds, dictionary and options, into $OUT: all of them or nothing.

hcsshim=$SRC/hcsshim
shimfuzz=$SRC/shimfuzz
targets='FuzzReadOptions FuzzLegacy FuzzBootstrap FuzzEquivalence FuzzMalformed FuzzReaders FuzzCreateOptions'

fail() {
  set +x
  echo "build.sh: $*" >&2
  exit 1
}
[ -f "$hcsshim/go.mod" ] || fail "no checkout of hcsshim in $hcsshim"
[ -f "$shimfuzz/go.mod" ] || fail "no clone of shimfuzz in $shimfuzz"

# The builder's Go is now older, now newer than what the two modules ask for:
# the newest of the three is used. By itself the go command would heed the
# suite's go.mod alone.
builders=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
asked=$(sed -n 's/^go //p' "$hcsshim/go.mod" "$shimfuzz/go.mod" | sort -V | tail -n 1)
[[ $asked =~ ^1\.[0-9]+$ ]] && asked=$asked.0
newest=$(printf '%s\n' "${builders#go}" "$asked" | sort -V | tail -n 1)
export GOTOOLCHAIN=local
[ "go$newest" = "$builders" ] || export GOTOOLCHAIN=go$newest

# A copy of the suite, because compile_go_fuzzer writes into the package that it builds, and
# the workspace that joins the readOptions of this very checkout to it.
tree=$WORK/shimfuzz
rm -rf "$tree"
mkdir -p "$tree"
tar -C "$shimfuzz" -c --exclude=./build --exclude=./.git --exclude=./go.work . | tar -C "$tree" -x
cd "$tree"
GOWORK=$(GOWORK=off go run ./cmd/shimfuzz extract -hcsshim="$hcsshim") ||
  fail "the readOptions of $hcsshim cannot be put under test; the lines above say why"
export GOWORK
# A report of coverage looks for the sources of shimfuzz/extracted below those of shimfuzz.
[ "$SANITIZER" != coverage ] || cp -r "$(dirname "$GOWORK")/extracted" .
echo "building with $(go version)"

# Nothing half-built in $OUT.
final=$OUT
export OUT=$WORK/out
rm -rf "$OUT"
mkdir -p "$OUT"
# Before GOFLAGS, with which the whole of it would be compiled again.
go run ./cmd/shimfuzz seeds -out="$OUT"

# The suite's own packages are in a report of coverage anyway.
export GO_COV_ADD_PKG=github.com/containerd/typeurl/v2

# The fuzzer is guided by the code under test alone, which is also more than twice as fast.
export GOFLAGS=-toolexec=$tree/oss-fuzz/without_counters

for target in $targets; do
  compile_go_fuzzer shimfuzz/fuzz/libfuzzer "$target" "$target"
  [ -x "$OUT/$target" ] || fail "compile_go_fuzzer made no $target"
  cp oss-fuzz/readoptions.options "$OUT/$target.options"
done

cp -r "$OUT/." "$final/"
