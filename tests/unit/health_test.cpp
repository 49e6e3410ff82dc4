#include "train/health.hpp"

#include <doctest/doctest.h>

using vae::Error;
using vae::Status;

namespace {

Status status_of(vae::train::Health& health, Status thrown) {
  try {
    health.run([&] {
      if (thrown != Status::ok) throw Error(thrown, "from the work");
    });
  } catch (const Error& error) {
    return error.status();
  }
  return Status::ok;
}

}  // namespace

TEST_CASE("a lost device poisons every later call") {
  vae::train::Health health;
  CHECK(health.run([] { return 7; }) == 7);
  CHECK(status_of(health, Status::device) == Status::device);
  CHECK(status_of(health, Status::ok) == Status::poisoned);
  CHECK(status_of(health, Status::device) == Status::poisoned);
}

TEST_CASE("other failures leave the trainer usable") {
  vae::train::Health health;
  for (const Status status : {Status::memory, Status::argument, Status::file,
                              Status::nonfinite, Status::cancelled}) {
    CHECK(status_of(health, status) == status);
    CHECK(status_of(health, Status::ok) == Status::ok);
  }
}

TEST_CASE("a defect poisons only inside a commit") {
  vae::train::Health health;
  const auto defect = [] { vae::expect(false); };
  CHECK_THROWS_AS(health.run(defect), Error);
  CHECK(status_of(health, Status::ok) == Status::ok);
  health.commit([] {});
  CHECK(status_of(health, Status::ok) == Status::ok);
  CHECK_THROWS_AS(health.commit(defect), Error);
  CHECK(status_of(health, Status::ok) == Status::poisoned);
}

TEST_CASE("a failure after a device failure keeps the trainer poisoned") {
  vae::train::Health health;
  // A callback loses the device and then stops the run.
  const auto outer = [&] {
    CHECK(status_of(health, Status::device) == Status::device);
    throw Error(Status::cancelled, "stopped");
  };
  CHECK_THROWS_AS(health.run(outer), Error);
  CHECK(status_of(health, Status::ok) == Status::poisoned);
}
