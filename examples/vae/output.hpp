// Output of the command: results on standard output, warnings on standard
// error. Output that cannot be written is a failure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "handles.hpp"

namespace cli {

/// Standard output could not be written; `error` is the errno.
class OutputFailure : public Failure {
 public:
  explicit OutputFailure(int error);
  int error() const noexcept { return error_; }

 private:
  int error_;
};

/// Opens standard input, output and error if the caller closed them: otherwise
/// a file opened later would get the descriptor and receive the output.
void open_standard_files();

/// Writes to standard output without buffering. Throws OutputFailure.
void print(std::string_view text);

/// One JSON value as one line; invalid UTF-8 is replaced.
std::string json_line(const nlohmann::ordered_json& value);

/// One line on standard error, "vae: " and the text; control characters, which
/// file names may contain, become spaces.
void complain(std::string text);

/// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

/// The text of an errno in English, independent of the locale.
std::string reason(int error);

}  // namespace cli
