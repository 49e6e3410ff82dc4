// Uses std::from_chars, which ignores the locale and accepts no octal numbers
// and no sign of unsigned ones.
#include "numbers.hpp"

#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

namespace cli {

namespace {

std::uint64_t whole(const std::string& option, const std::string& text,
                    const Range& range) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool number = stop == end && error != std::errc::invalid_argument;
  if (number && error == std::errc() && value >= range.least &&
      value <= range.most) {
    return value;
  }
  throw CLI::ValidationError(option, "'" + text +
                                         "' is not allowed; integers from " +
                                         std::to_string(range.least) + " to " +
                                         std::to_string(range.most) + " are");
}

double finite(const std::string& option, const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (stop == end && error == std::errc() && std::isfinite(value)) return value;
  throw CLI::ValidationError(
      option, "'" + text + "' is not allowed; a finite number such as 0.5 is");
}

}  // namespace

CLI::Option* add_whole(CLI::App& app, const std::string& option,
                       const std::string& help, const Range& range,
                       std::function<void(std::uint64_t)> take) {
  const auto read = [=](const std::string& text) {
    take(whole(option, text, range));
  };
  return app.add_option_function<std::string>(option, read, help)
      ->type_name("NUMBER");
}

CLI::Option* add_list(CLI::App& app, const std::string& option,
                      const std::string& help, const Range& range,
                      std::function<void(std::vector<std::uint64_t>)> take) {
  const auto read = [=](const std::string& text) {
    std::vector<std::uint64_t> numbers;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t comma = std::min(text.find(',', at), text.size());
      numbers.push_back(whole(option, text.substr(at, comma - at), range));
      at = comma + 1;
    }
    take(std::move(numbers));
  };
  return app.add_option_function<std::string>(option, read, help)
      ->type_name("NUMBER,...");
}

CLI::Option* add_number(CLI::App& app, const std::string& option,
                        const std::string& help,
                        std::function<void(double)> take) {
  const auto read = [=](const std::string& text) {
    take(finite(option, text));
  };
  return app.add_option_function<std::string>(option, read, help)
      ->type_name("NUMBER");
}

}  // namespace cli
