// What the command says: results on standard output, warnings on standard
// error. Output that cannot be written is a failure and never silence.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "handles.hpp"

namespace cli {

/// Standard output took less than it was given; `error` is the system's reason.
class OutputFailure : public Failure {
 public:
  explicit OutputFailure(int error);
  int error() const noexcept { return error_; }

 private:
  int error_;
};

/// Opens what the caller closed of standard input, output and error: a file
/// opened later would get the number, and be written to as if it were that.
void open_standard_files();

/// Writes to standard output, at once and whole. Throws OutputFailure.
void print(std::string_view text);

/// One JSON value as one line; bytes that are no UTF-8 are replaced.
std::string json_line(const nlohmann::ordered_json& value);

/// One line on standard error, "vae: " and the text; control characters, which
/// names of files may hold, become spaces.
void complain(std::string text);

/// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

/// The system's words for an errno, in the language of the texts around it.
std::string reason(int error);

}  // namespace cli
