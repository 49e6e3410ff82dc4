// Numbers on the command line: decimal, whole where they count something, and
// in range, or refused by the option's name. CLI11's own reading takes 010 for
// 8 and -1 for the largest number there is.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace cli {

/// The values that an option takes, both ends included.
struct Range {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

/// For what is a uint32_t in vae.h.
inline constexpr Range kAny32{0, std::numeric_limits<std::uint32_t>::max()};

/// An option whose value is handed on as a number.
CLI::Option* add_whole(CLI::App& app, const std::string& option,
                       const std::string& help, const Range& range,
                       std::function<void(std::uint64_t)> take);
/// The same into a variable, whose value is the default.
template <class Number>
CLI::Option* add_whole(CLI::App& app, const std::string& option, Number& number,
                       const std::string& help, const Range& range) {
  return add_whole(app, option, help, range,
                   [&number](std::uint64_t value) {
                     number = static_cast<Number>(value);
                   })
      ->default_str(std::to_string(number));
}

/// Numbers separated by commas.
CLI::Option* add_list(CLI::App& app, const std::string& option,
                      const std::string& help, const Range& range,
                      std::function<void(std::vector<std::uint64_t>)> take);

/// A finite number, with a point where it has one.
CLI::Option* add_number(CLI::App& app, const std::string& option,
                        const std::string& help,
                        std::function<void(double)> take);

}  // namespace cli
