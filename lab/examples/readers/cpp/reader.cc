// Reads the options of a runhcs shim with libprotobuf.

#include <arpa/inet.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/unknown_field_set.h>
#include <unistd.h>
#include <cstdio>
#include <regex>
#include <string>
#include "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options/runhcs.pb.h"
#include "runtime/bootstrap/v1/bootstrap.pb.h"

namespace pb = google::protobuf;
using containerd::runhcs::v1::Options;
using containerd::runtime::bootstrap::v1::BootstrapParams;

bool NamesOptions(const std::string& url) { return url.substr(url.rfind('/') + 1) == "containerd.runhcs.v1.Options"; }

const std::regex kIdentifier("[A-Za-z0-9]+([._-][A-Za-z0-9]+)*");
bool IsIdentifier(const std::string& s) { return s.size() <= 76 && std::regex_match(s, kIdentifier); }

// IsBootstrap reports whether a field is there that only BootstrapParams has.
bool IsBootstrap(const pb::UnknownFieldSet& fields) {
  for (int i = 0; i < fields.field_count(); i++) {
    const auto& f = fields.field(i);
    if (f.number() == 3 && f.type() == f.TYPE_VARINT) return true;
    if (f.number() >= 4 && f.number() <= 9 && f.type() == f.TYPE_LENGTH_DELIMITED) return true;
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
  if (payload.empty()) return "none\n";  // R1
  pb::UnknownFieldSet fields;
  if (!fields.ParseFromString(payload)) return "error/malformed\nnot a protobuf message";  // R2
  if (IsBootstrap(fields)) {  // R3
    BootstrapParams params;
    if (!params.ParseFromString(payload)) return "error/malformed\nnot BootstrapParams";
    for (const auto& extension : params.extensions()) {
      if (NamesOptions(extension.value().type_url())) return AnswerOptions(extension.value().value());
    }
    return "none\n";
  }
  pb::Any any;
  if (!any.ParseFromString(payload)) return "error/malformed\nnot an Any";  // R4
  if (NamesOptions(any.type_url())) return AnswerOptions(any.value());  // R4a
  if (IsIdentifier(any.type_url()) && IsIdentifier(any.value()) && BootstrapParams().ParseFromString(payload)) return "none\n";  // R4b
  return "error/foreign\noptions of type " + any.type_url();  // R4c
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
  for (std::string payload;;) {
    pb::io::CodedInputStream frame(&stream);
    if (!frame.ReadRaw(&size, sizeof size) || !frame.ReadString(&payload, ntohl(size))) return 0;
    const std::string answer = Answer(payload);
    size = htonl(answer.size());
    fwrite(&size, sizeof size, 1, stdout);
    fwrite(answer.data(), answer.size(), 1, stdout);
  }
}
