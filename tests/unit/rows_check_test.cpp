// Input rows and output buffers are checked before anything is written; every
// error names the value and the values allowed.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>

#include "io/rows.hpp"
#include "unit/testing.hpp"

namespace vae::io {
namespace {

using testing::error_of;
using testing::says;

constexpr RowRule kImages{"images", 3, true, ValueRange::unit};
constexpr RowRule kCodes{"codes", 3, false, ValueRange::finite};

std::string refused(Status status, const Batch& batch,
                    const RowRule& rule = kImages) {
  return error_of(status, [&] { check_rows(batch, rule, DeviceKind::cpu); });
}

std::string refused_output(Status status, const Output& output,
                           std::uint64_t count, const RowRule& rule = kImages) {
  return error_of(status,
                  [&] { check_output(output, rule, count, DeviceKind::cpu); });
}

TEST_CASE("rows that fit, exactly or with bytes to spare") {
  const std::array<float, 7> floats{0, 1, 0.5f, 0, 0, 1, 9};
  const std::array<std::uint8_t, 7> bytes{0, 255};
  Batch batch = Batch::of(std::span<const float>(floats).first(6), 2);
  CHECK_NOTHROW(check_rows(batch, kImages, DeviceKind::cpu));
  // Bytes behind the last row are not checked.
  batch = Batch::of(std::span<const float>(floats), 2);
  CHECK_NOTHROW(check_rows(batch, kImages, DeviceKind::cpu));
  CHECK_NOTHROW(check_rows(Batch::of(std::span<const std::uint8_t>(bytes), 2),
                           kImages, DeviceKind::cpu));
  batch.layout = Layout::hwc;
  CHECK_NOTHROW(check_rows(batch, kImages, DeviceKind::cpu));
}

TEST_CASE("a batch without data, rows or enough bytes") {
  const std::array<float, 6> floats{};
  const Batch good = Batch::of(std::span<const float>(floats), 2);
  Batch batch = good;
  batch.data = nullptr;
  says(refused(Status::argument, batch), "images: data is null");
  batch = good;
  batch.count = 0;
  says(refused(Status::argument, batch), "count is 0");
  batch = good;
  batch.bytes = 23;
  says(refused(Status::too_small, batch),
       "23 bytes given, but 2 rows of 3 float32 take 24");
  batch = good;
  batch.count = 3;
  says(refused(Status::too_small, batch), "take 36");
  batch = good;
  batch.count = std::numeric_limits<std::uint64_t>::max() / 4;
  says(refused(Status::argument, batch), "exceed the address space");
}

TEST_CASE("unknown types, layouts and devices") {
  const std::array<float, 6> floats{};
  const Batch good = Batch::of(std::span<const float>(floats), 2);
  Batch batch = good;
  batch.type = ElementType::int64;
  says(refused(Status::argument, batch), "3 (int64); allowed are 1 (uint8)");
  batch.type = static_cast<ElementType>(0);
  says(refused(Status::argument, batch), "element type is 0 (unknown)");
  batch.type = ElementType::uint8;
  says(refused(Status::argument, batch, kCodes), "allowed is 2 (float32)");
  batch = good;
  batch.layout = static_cast<Layout>(3);
  says(refused(Status::argument, batch), "layout is 3");
  batch = good;
  batch.device = DeviceKind::automatic;
  says(refused(Status::argument, batch), "device is 3; allowed are 1 (cpu)");
  batch.device = DeviceKind::cuda;
  says(refused(Status::argument, batch),
       "device is 2 (cuda), but this call runs on the CPU");
}

TEST_CASE("pixels outside of 0 to 1 are named by row and element") {
  for (const float bad : {-0.001f, 1.001f, HUGE_VALF, -HUGE_VALF, NAN}) {
    std::array<float, 6> floats{};
    floats[4] = bad;
    const Batch batch = Batch::of(std::span<const float>(floats), 2);
    const std::string text = refused(Status::argument, batch);
    says(text, "element 1 of row 1 is ");
    says(text, "numbers from 0 to 1");
    CHECK_NOTHROW(check_rows(Batch::of(std::span<const float>(floats), 1),
                             kImages, DeviceKind::cpu));
  }
}

TEST_CASE("a pixel just above 1 is shown with all its digits") {
  const std::array<float, 3> floats{0.0f, 0.0f, 1.0000001f};
  const std::string text =
      refused(Status::argument, Batch::of(std::span<const float>(floats), 1));
  says(text, "is 1.0000001;");
}

TEST_CASE("codes may be any finite number") {
  std::array<float, 3> floats{-1e30f, 1e30f, 0};
  const Batch batch = Batch::of(std::span<const float>(floats), 1);
  CHECK_NOTHROW(check_rows(batch, kCodes, DeviceKind::cpu));
  floats[2] = NAN;
  says(refused(Status::argument, batch, kCodes),
       "codes: element 2 of row 0 is nan; allowed are finite numbers");
}

TEST_CASE("buffers for results") {
  std::array<float, 6> buffer{};
  const Output good = Output::of(std::span<float>(buffer));
  CHECK_EQ(check_output(good, kImages, 2, DeviceKind::cpu), 24);
  CHECK_EQ(check_output(good, kImages, 1, DeviceKind::cpu), 12);
  says(refused_output(Status::too_small, good, 3),
       "buffer has 24 bytes, but 3 rows");
  says(refused_output(Status::argument, good,
                      std::numeric_limits<std::uint64_t>::max()),
       "exceed the address space");
  Output output = good;
  output.type = ElementType::uint8;
  CHECK_EQ(check_output(output, kImages, 8, DeviceKind::cpu), 24);
  says(refused_output(Status::argument, output, 1, kCodes),
       "allowed is 2 (float32)");
  output = good;
  output.data = nullptr;
  says(refused_output(Status::argument, output, 1), "data is null");
  output = good;
  output.layout = static_cast<Layout>(0);
  says(refused_output(Status::argument, output, 1), "layout is 0");
  output = good;
  output.device = DeviceKind::cuda;
  says(refused_output(Status::argument, output, 1), "runs on the CPU");
}

}  // namespace
}  // namespace vae::io
