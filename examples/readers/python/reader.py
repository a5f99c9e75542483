"""Reads the options of a runhcs shim with protobuf's implementation in pure Python."""

import io
import os
import re
import struct
import sys

# Before the import, which chooses: the implementations in C would answer as the reader
# in C++ does, because they decode with the same code.
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2, message, message_factory

OPTIONS = "containerd.runhcs.v1.Options"

pool = descriptor_pool.DescriptorPool()
with open(sys.argv[1], "rb") as descriptors:
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors.read()).file:
        pool.Add(file)
Any, BootstrapParams, Options = map(
    message_factory.MessageFactory(pool).GetPrototype,
    map(pool.FindMessageTypeByName, ["google.protobuf.Any", "containerd.runtime.bootstrap.v1.BootstrapParams", OPTIONS]))

# The fields that only BootstrapParams has, each with its wire type.
BOOTSTRAP = {(3, 0), (4, 2), (5, 2), (6, 2), (7, 2), (8, 2), (9, 2)}
IDENTIFIER = re.compile(rb"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")


class Malformed(Exception):
    """The payload is not the message that it claims to be."""


class Foreign(Exception):
    """The payload is well-formed, with options of another type."""


def parse(cls, data):
    try:
        return cls.FromString(data)
    except (message.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Malformed(f"{cls.DESCRIPTOR.full_name}: {err}") from err


def names_options(any):
    return any.type_url.rpartition("/")[2] == OPTIONS


def is_identifier(data):
    return len(data) <= 76 and IDENTIFIER.fullmatch(data)


def is_params(payload):
    try:
        return parse(BootstrapParams, payload) is not None
    except Malformed:
        return False


def read_options(payload):
    """Return the Options, or None if none were sent (docs/contract.md, R1 to R4c)."""
    if not payload:  # R1
        return None
    fields = parse(empty_pb2.Empty, payload).UnknownFields()  # R2; to Empty every field is unknown
    if any((f.field_number, f.wire_type) in BOOTSTRAP for f in fields):  # R3
        for extension in parse(BootstrapParams, payload).extensions:
            if names_options(extension.value):
                return parse(Options, extension.value.value)
        return None
    legacy = parse(Any, payload)  # R4
    if names_options(legacy):  # R4a
        return parse(Options, legacy.value)
    if is_identifier(legacy.type_url.encode()) and is_identifier(legacy.value) and is_params(payload):  # R4b
        return None
    raise Foreign(f"options of type {legacy.type_url!r}")  # R4c


def answer(payload):
    try:
        options = read_options(payload)
    except Malformed as err:
        return b"error/malformed\n" + str(err).encode()
    except Foreign as err:
        return b"error/foreign\n" + str(err).encode()
    if options is None:
        return b"none\n"
    options.DiscardUnknownFields()
    return b"options\n" + options.SerializeToString()


class Input(io.RawIOBase):
    """Standard input, before which standard output is flushed."""

    def readable(self):
        return True

    def readinto(self, buffer):
        sys.stdout.buffer.flush()
        return sys.stdin.buffer.raw.readinto(buffer)


stdin = io.BufferedReader(Input(), 1 << 16)
while head := stdin.read(4):
    out = answer(stdin.read(struct.unpack(">I", head)[0]))
    sys.stdout.buffer.write(struct.pack(">I", len(out)) + out)
