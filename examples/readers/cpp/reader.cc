// Reads the options of a runhcs shim with libprotobuf.

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdio>
#include <regex>
#include <string>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>

#include "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options/runhcs.pb.h"
#include "runtime/bootstrap/v1/bootstrap.pb.h"

namespace pb = google::protobuf;
using containerd::runhcs::v1::Options;
using containerd::runtime::bootstrap::v1::BootstrapParams;

bool NamesOptions(const pb::Any& any) {
  return any.type_url().substr(any.type_url().rfind('/') + 1) == "containerd.runhcs.v1.Options";
}

bool IsIdentifier(const std::string& s) {
  static const std::regex identifier("[A-Za-z0-9]+([._-][A-Za-z0-9]+)*");
  return s.size() <= 76 && std::regex_match(s, identifier);
}

// IsBootstrap reports whether a field is there that only BootstrapParams has.
bool IsBootstrap(const pb::UnknownFieldSet& fields) {
  for (int i = 0; i < fields.field_count(); i++) {
    const int number = fields.field(i).number(), type = fields.field(i).type();
    if (number == 3 && type == pb::UnknownField::TYPE_VARINT) return true;
    if (number >= 4 && number <= 9 && type == pb::UnknownField::TYPE_LENGTH_DELIMITED) return true;
  }
  return false;
}

std::string AnswerOptions(const std::string& value) {
  Options options;
  if (!options.ParseFromString(value)) return "error/malformed\nnot Options";
  options.DiscardUnknownFields();
  return "options\n" + options.SerializeAsString();
}

// Answer answers a payload by docs/contract.md, R1 to R4c.
std::string Answer(const std::string& payload) {
  pb::UnknownFieldSet fields;
  BootstrapParams params;
  pb::Any any;
  if (payload.empty()) return "none\n";                                                      // R1
  if (!fields.ParseFromString(payload)) return "error/malformed\nnot a protobuf message";    // R2
  if (IsBootstrap(fields)) {                                                                 // R3
    if (!params.ParseFromString(payload)) return "error/malformed\nnot BootstrapParams";
    for (const auto& extension : params.extensions()) {
      if (NamesOptions(extension.value())) return AnswerOptions(extension.value().value());
    }
    return "none\n";
  }
  if (!any.ParseFromString(payload)) return "error/malformed\nnot an Any";                   // R4
  if (NamesOptions(any)) return AnswerOptions(any.value());                                  // R4a
  const bool minimal = IsIdentifier(any.type_url()) && IsIdentifier(any.value());
  if (minimal && params.ParseFromString(payload)) return "none\n";                           // R4b
  return "error/foreign\noptions of type " + any.type_url();                                 // R4c
}

// Input is standard input, before which standard output is flushed.
struct Input : pb::io::CopyingInputStream {
  int Read(void* buffer, int size) override { return fflush(stdout) == 0 ? read(STDIN_FILENO, buffer, size) : -1; }
};

int main() {
  pb::SetLogHandler(nullptr);  // which would print a line for each string that is not UTF-8
  Input input;
  pb::io::CopyingInputStreamAdaptor stream(&input, 1 << 16);
  uint32_t size;
  std::string payload;
  for (;;) {
    pb::io::CodedInputStream frame(&stream);
    if (!frame.ReadRaw(&size, sizeof size) || !frame.ReadString(&payload, ntohl(size))) return 0;
    const std::string answer = Answer(payload);
    size = htonl(answer.size());
    fwrite(&size, sizeof size, 1, stdout);
    fwrite(answer.data(), answer.size(), 1, stdout);
  }
}
