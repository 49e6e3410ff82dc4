// The log callback: levels, no callback, and texts that are composed only if
// they are reported.
#include "base/log.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/testing.hpp"
#include "vae/about.hpp"

namespace vae {
namespace {

using Lines = std::vector<std::pair<std::int32_t, std::string>>;

void keep(std::int32_t level, const char* text, void* user) {
  static_cast<Lines*>(user)->emplace_back(level, text);
}

/// Sets a callback, and removes it when destroyed.
struct Listener {
  explicit Listener(std::int32_t min_level) {
    set_log_callback(keep, &lines, min_level);
  }
  ~Listener() { set_log_callback(nullptr, nullptr, 0); }
  Lines lines;
};

/// Counts how often it is converted to text.
struct Counted {
  int* count;
  friend std::ostream& operator<<(std::ostream& out, const Counted& c) {
    ++*c.count;
    return out << "x";
  }
};

void log_each_level() {
  log(LogLevel::warning, "a", 1);
  log(LogLevel::information, "b", 2);
  log(LogLevel::detail, "c", 3);
}

TEST_CASE("a callback receives its level and more important ones") {
  const Lines all{{1, "a1"}, {2, "b2"}, {3, "c3"}};
  for (const int level : {1, 2, 3}) {
    CAPTURE(level);
    const Listener listener(level);
    log_each_level();
    CHECK(listener.lines == Lines(all.begin(), all.begin() + level));
    CHECK(log_wanted(LogLevel::warning));
    CHECK_EQ(log_wanted(LogLevel::detail), level == 3);
  }
}

TEST_CASE("without a callback no text is composed") {
  int made = 0;
  log(LogLevel::warning, Counted{&made});
  CHECK_EQ(made, 0);
  CHECK_FALSE(log_wanted(LogLevel::warning));
  const Listener listener(1);
  log(LogLevel::information, Counted{&made});
  CHECK_EQ(made, 0);
  log(LogLevel::warning, Counted{&made});
  CHECK_EQ(made, 1);
}

TEST_CASE("a removed callback is not called") {
  Lines lines;
  set_log_callback(keep, &lines, 3);
  set_log_callback(nullptr, nullptr, 0);
  log_each_level();
  log_text(LogLevel::warning, "past the question whether it is wanted");
  CHECK(lines.empty());
}

TEST_CASE("an unknown level is an error, and the callback stays") {
  const Listener listener(1);
  for (const int level : {0, 4, -1}) {
    const std::string text = testing::error_of(
        Status::argument, [&] { set_log_callback(keep, nullptr, level); });
    testing::says(text, "min_level is " + std::to_string(level));
  }
  log_each_level();
  CHECK(listener.lines == Lines{{1, "a1"}});
}

}  // namespace
}  // namespace vae
