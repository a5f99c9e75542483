// Reads the options of a runhcs shim with Protobuf-ES.

import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { AnySchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const OPTIONS = "containerd.runhcs.v1.Options";
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(process.argv[2])));
const paramsSchema = registry.getMessage("containerd.runtime.bootstrap.v1.BootstrapParams");
const optionsSchema = registry.getMessage(OPTIONS);

// What the library throws is of no class of its own.
class Malformed extends Error {}
const decoding = (decode) => {
  try {
    return decode();
  } catch (err) {
    throw new Malformed(err.message);
  }
};
const parse = (schema, bytes) => decoding(() => fromBinary(schema, bytes, { readUnknownFields: false }));
const namesOptions = (any) => any?.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1) === OPTIONS;
const isIdentifier = (s) => s.length <= 76 && /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/.test(s);
const answerOptions = (value) => ["options\n", toBinary(optionsSchema, parse(optionsSchema, value))];

/** Reports whether a field is there that only BootstrapParams has. */
function isBootstrap(payload) {
  const reader = new BinaryReader(payload);
  let found = false;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    found ||= number === 3 ? type === WireType.Varint : number >= 4 && number <= 9 && type === WireType.LengthDelimited;
    reader.skip(type, number);
  }
  return found;
}

/** Answers a payload by docs/contract.md, R1 to R4c, or throws Malformed. */
function read(payload) {
  if (payload.length === 0) return ["none\n", ""]; // R1
  if (decoding(() => isBootstrap(payload))) { // R2, R3
    const ours = parse(paramsSchema, payload).extensions.find((extension) => namesOptions(extension.value));
    return ours ? answerOptions(ours.value.value) : ["none\n", ""];
  }
  const any = parse(AnySchema, payload); // R4
  if (namesOptions(any)) return answerOptions(any.value); // R4a
  if (isIdentifier(any.typeUrl) && isIdentifier(Buffer.from(any.value).toString("latin1"))) { // R4b
    try {
      parse(paramsSchema, payload);
      return ["none\n", ""];
    } catch {}
  }
  return ["error/foreign\n", `options of type ${JSON.stringify(any.typeUrl)}`]; // R4c
}

function answer(payload) {
  try {
    return read(payload);
  } catch (err) {
    if (!(err instanceof Malformed)) throw err;
    return ["error/malformed\n", err.message];
  }
}

let [chunks, size, wanted] = [[], 0, 4]; // the input that is not answered, and how much of it a frame needs
for await (const chunk of process.stdin) {
  chunks.push(chunk);
  if ((size += chunk.length) < wanted) continue;
  let [input, answers] = [Buffer.concat(chunks), []];
  while (input.length >= (wanted = 4) && input.length >= (wanted += input.readUInt32BE())) {
    const parts = answer(input.subarray(4, wanted)).map((part) => Buffer.from(part));
    answers.push(Buffer.alloc(4), ...parts);
    answers.at(-3).writeUInt32BE(parts[0].length + parts[1].length);
    input = input.subarray(wanted);
  }
  process.stdout.write(Buffer.concat(answers));
  [chunks, size] = [[input], input.length];
}
