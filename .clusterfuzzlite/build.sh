#!/bin/bash -eu
bash -eux "$SRC/shimfuzz/oss-fuzz/build.sh"
