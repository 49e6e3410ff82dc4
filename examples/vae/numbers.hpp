// Numbers on the command line: decimal, integers for counts, and in range;
// errors name the option. CLI11's own parser reads 010 as 8 and -1 as the
// largest unsigned number.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace cli {

/// The allowed values of an option, limits included.
struct Range {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

/// For a uint32_t of vae.h.
inline constexpr Range kAny32{0, std::numeric_limits<std::uint32_t>::max()};

/// An option whose value is passed on as a number.
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

/// A finite number with a decimal point.
CLI::Option* add_number(CLI::App& app, const std::string& option,
                        const std::string& help,
                        std::function<void(double)> take);

}  // namespace cli
