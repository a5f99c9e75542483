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
Any, BootstrapParams, Options = (
    message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))
    for name in ("google.protobuf.Any", "containerd.runtime.bootstrap.v1.BootstrapParams", OPTIONS))

# The fields that only BootstrapParams has, each with its wire type.
BOOTSTRAP = {(3, 0), (4, 2), (5, 2), (6, 2), (7, 2), (8, 2), (9, 2)}
IDENTIFIER = re.compile(rb"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
Malformed = message.DecodeError, UnicodeDecodeError, RecursionError  # what FromString raises


def names_options(any):
    return any.type_url.rpartition("/")[2] == OPTIONS


def is_identifier(data):
    return len(data) <= 76 and IDENTIFIER.fullmatch(data)


def answer_options(value):
    options = Options.FromString(value)
    options.DiscardUnknownFields()
    return b"options\n" + options.SerializeToString()


def answer(payload):
    """Answer a payload by docs/contract.md, R1 to R4c, or raise one of Malformed."""
    if not payload:  # R1
        return b"none\n"
    fields = empty_pb2.Empty.FromString(payload).UnknownFields()  # R2; Empty knows no field
    if any((f.field_number, f.wire_type) in BOOTSTRAP for f in fields):  # R3
        for extension in BootstrapParams.FromString(payload).extensions:
            if extension.HasField("value") and names_options(extension.value):
                return answer_options(extension.value.value)
        return b"none\n"
    legacy = Any.FromString(payload)  # R4
    if names_options(legacy):  # R4a
        return answer_options(legacy.value)
    if is_identifier(legacy.type_url.encode()) and is_identifier(legacy.value):  # R4b
        try:
            BootstrapParams.FromString(payload)
            return b"none\n"
        except Malformed:
            pass
    return f"error/foreign\noptions of type {legacy.type_url!r}".encode()  # R4c


class Input(io.FileIO):
    """An input, before each wait for which standard output is flushed."""

    def readinto(self, buffer):
        sys.stdout.buffer.flush()
        return super().readinto(buffer)


stdin = io.BufferedReader(Input(sys.stdin.fileno()), 1 << 16)
while head := stdin.read(4):
    try:
        out = answer(stdin.read(struct.unpack(">I", head)[0]))
    except Malformed as err:
        out = f"error/malformed\n{type(err).__name__}: {err}".encode()
    sys.stdout.buffer.write(struct.pack(">I", len(out)) + out)
