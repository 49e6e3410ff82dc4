// Status codes and their names, which are part of the ABI.
#include "vae/error.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::error_of;

TEST_CASE("every status has its number and its name") {
  const std::pair<int, const char*> known[]{{0, "VAE_OK"},
                                            {100, "VAE_E_ARGUMENT"},
                                            {101, "VAE_E_TOO_SMALL"},
                                            {102, "VAE_E_UNSUPPORTED"},
                                            {200, "VAE_E_BUSY"},
                                            {201, "VAE_E_POISONED"},
                                            {300, "VAE_E_MEMORY"},
                                            {400, "VAE_E_DEVICE"},
                                            {500, "VAE_E_FILE"},
                                            {510, "VAE_E_FORMAT"},
                                            {600, "VAE_E_VERSION"},
                                            {700, "VAE_E_CANCELLED"},
                                            {800, "VAE_E_NONFINITE"},
                                            {900, "VAE_E_INTERNAL"}};
  for (const auto& [number, name] : known)
    CHECK_EQ(std::string(status_name(number)), name);
}

TEST_CASE("an unknown number is an unknown status") {
  for (const int number : {-1, 1, 103, 901, std::numeric_limits<int>::max(),
                           std::numeric_limits<int>::min()})
    CHECK_EQ(std::string(status_name(number)), "unknown status");
}

TEST_CASE("an error carries status and text") {
  const Error error(Status::format, "a text");
  CHECK_EQ(error.status(), Status::format);
  CHECK_EQ(std::string(error.what()), "a text");
}

TEST_CASE("require composes its text only if it throws") {
  CHECK_NOTHROW(require(true, Status::argument, "unused"));
  CHECK_EQ(error_of(Status::file,
                    [] { require(false, Status::file, "seen ", 3, ' ', 0.5); }),
           "seen 3 0.5");
  CHECK_EQ(error_of(Status::busy, [] { fail(Status::busy, 1234567); }),
           "1234567");
}

}  // namespace
}  // namespace vae
