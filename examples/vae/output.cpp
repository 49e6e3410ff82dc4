// Uses write(), because a stream would buffer and report errors only at exit.
#include "output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <system_error>

namespace cli {

namespace {

// 0, or the errno if the text could not be written completely.
int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(file, text.data(), text.size());
    if (done >= 0) {
      text.remove_prefix(static_cast<std::size_t>(done));
    } else if (errno == EAGAIN) {  // a full non-blocking pipe
      pollfd ready{file, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

OutputFailure::OutputFailure(int error)
    : Failure(VAE_E_FILE,
              "standard output cannot be written: " + reason(error)),
      error_(error) {}

void open_standard_files() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(file, F_GETFD) >= 0 || errno != EBADF) continue;
    // open() returns the lowest free descriptor, which is this one. Output
    // opened for reading fails when it is written to, which is intended.
    (void)!::open("/dev/null", file == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void print(std::string_view text) {
  if (const int error = write_all(STDOUT_FILENO, text)) {
    throw OutputFailure(error);
  }
}

std::string json_line(const nlohmann::ordered_json& value) {
  using Handler = nlohmann::ordered_json::error_handler_t;
  return value.dump(-1, ' ', false, Handler::replace) + "\n";
}

void complain(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char letter) {
        return (letter >= 0 && letter < ' ') || letter == 127;
      },
      ' ');
  // An error here cannot be reported anywhere.
  (void)write_all(STDERR_FILENO, "vae: " + text + "\n");
}

std::string format(const char* pattern, ...) {
  std::va_list arguments, again;
  va_start(arguments, pattern);
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, pattern, arguments);
  va_end(arguments);
  std::string text(static_cast<std::size_t>(std::max(length, 0)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  return text;
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace cli
