// Reads the options of a runhcs shim with libprotobuf.

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdio>
#include <regex>
#include <stdexcept>
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

struct Malformed : std::runtime_error { using runtime_error::runtime_error; };
struct Foreign : std::runtime_error { using runtime_error::runtime_error; };

template <typename T> T Parse(const std::string& data) {
  T message;
  if (!message.ParseFromString(data)) throw Malformed("not a " + message.GetTypeName());
  return message;
}

bool NamesOptions(const pb::Any& any) {
  return any.type_url().substr(any.type_url().rfind('/') + 1) == "containerd.runhcs.v1.Options";
}

bool IsIdentifier(const std::string& s) {
  static const std::regex identifier("[A-Za-z0-9]+([._-][A-Za-z0-9]+)*");
  return s.size() <= 76 && std::regex_match(s, identifier);
}

// IsBootstrap reports whether a field is one that only BootstrapParams has.
bool IsBootstrap(const pb::UnknownField& f) {
  return f.number() == 3 ? f.type() == f.TYPE_VARINT : f.number() >= 4 && f.number() <= 9 && f.type() == f.TYPE_LENGTH_DELIMITED;
}

// ReadOptions stores the Options and returns true, or false if none were sent (docs/contract.md, R1 to R4c).
bool ReadOptions(const std::string& payload, Options* options) {
  if (payload.empty()) return false;  // R1
  pb::UnknownFieldSet fields;
  if (!fields.ParseFromString(payload)) throw Malformed("not a protobuf message");  // R2
  for (int i = 0; i < fields.field_count(); i++) {
    if (!IsBootstrap(fields.field(i))) continue;
    for (const auto& extension : Parse<BootstrapParams>(payload).extensions()) {  // R3
      if (!NamesOptions(extension.value())) continue;
      *options = Parse<Options>(extension.value().value());
      return true;
    }
    return false;
  }
  const auto any = Parse<pb::Any>(payload);  // R4
  if (NamesOptions(any)) {                   // R4a
    *options = Parse<Options>(any.value());
    return true;
  }
  if (IsIdentifier(any.type_url()) && IsIdentifier(any.value()) && BootstrapParams().ParseFromString(payload)) return false;  // R4b
  throw Foreign("options of type \"" + any.type_url() + "\"");  // R4c
}

std::string Answer(const std::string& payload) try {
  Options options;
  if (!ReadOptions(payload, &options)) return "none\n";
  options.DiscardUnknownFields();
  return "options\n" + options.SerializeAsString();
} catch (const Malformed& err) {
  return std::string("error/malformed\n") + err.what();
} catch (const Foreign& err) {
  return std::string("error/foreign\n") + err.what();
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
  while (pb::io::CodedInputStream(&stream).ReadRaw(&size, sizeof size)) {
    if (!pb::io::CodedInputStream(&stream).ReadString(&payload, ntohl(size))) return 1;
    const std::string answer = Answer(payload);
    size = htonl(answer.size());
    fwrite(&size, sizeof size, 1, stdout);
    fwrite(answer.data(), answer.size(), 1, stdout);
  }
}
