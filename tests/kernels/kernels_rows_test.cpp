// Loading, storing and noise by CUDA kernels against the CPU: every number is
// bit-equal, because both use the same formulas.
#include <algorithm>

#include "kernels/unfused_support.hpp"

namespace vae::engine {
namespace {

constexpr vae::Layout kLayouts[]{vae::Layout::chw, vae::Layout::hwc};
/// One number, less than a block, several ragged blocks; one channel and more.
constexpr model::Extent kImages[]{{1, 1, 1}, {3, 5, 7}, {1, 9, 11}, {4, 13, 3}};
constexpr std::int64_t kTotal = 20;

std::vector<float> loaded(Device& device, const RowSource& rows,
                          const model::Extent& image) {
  const On<float> to(device, rows.count * image.size());
  device.operations().load(rows, image, to.data());
  return to.read();
}

/// Every way to load rows of T, on one device, one after the other.
template <class T>
std::vector<float> all_loads(Device& device, const std::vector<T>& values,
                             ElementType type, const model::Extent& image,
                             vae::Layout layout) {
  const On<T> resident(device, values);
  const On<Cursor> cursor(device, {Cursor{3, 9, Order{5, 1, kTotal}}});
  std::vector<float> all;
  const auto add = [&](RowSource rows, std::int64_t count) {
    rows.type = type;
    rows.layout = layout;
    rows.count = count;
    const auto part = loaded(device, rows, image);
    all.insert(all.end(), part.begin(), part.end());
  };
  for (const std::uint64_t first : {0u, 9u}) {
    RowSource rows;
    rows.first = first;
    rows.data = values.data();
    add(rows, 11);
    rows.place = Place::resident;
    rows.data = resident.data();
    add(rows, 1);
    add(rows, 11);
    rows.cursor = cursor.data();
    add(rows, 11);
  }
  return all;
}

template <class T>
void check_loads(const std::vector<T>& values, ElementType type,
                 const model::Extent& image) {
  for (const vae::Layout layout : kLayouts) {
    CAPTURE(image.c);
    CAPTURE(image.h);
    const auto cpu = make_cpu_device(1);
    CHECK(same_bytes(all_loads(kernel_device(), values, type, image, layout),
                     all_loads(*cpu, values, type, image, layout)));
  }
}

/// The caller's numbers after a store, beginning at the target's byte.
template <class T>
std::vector<T> stored(Device& device, const std::vector<float>& values,
                      const model::Extent& image, bool logits,
                      const RowTarget& how) {
  const On<float> from(device, values);
  RowTarget to = how;
  std::vector<T> out(values.size());
  to.data = out.data();
  device.operations().store(from.data(), image, logits, to);
  return out;
}

template <class T>
void check_stores(ElementType type) {
  const auto cpu = make_cpu_device(1);
  for (const model::Extent& image : kImages)
    for (const vae::Layout layout : kLayouts)
      for (const bool logits : {false, true}) {
        CAPTURE(image.c);
        CAPTURE(logits);
        auto values = random_floats(7 * image.size(), 2);
        values[0] = 5;  // outside of a byte
        // As float, each device has bits of its own for what is made of NaN.
        if (type == ElementType::uint8) values[1] = NAN;
        const RowTarget to{nullptr, type, layout, Place::host, 7, nullptr};
        CHECK(same_bytes(stored<T>(kernel_device(), values, image, logits, to),
                         stored<T>(*cpu, values, image, logits, to)));
      }
}

std::vector<float> drawn(Device& device, std::int64_t rows, std::int64_t width,
                         bool by_cursor) {
  const On<Cursor> cursor(device,
                          {Cursor{(std::uint64_t{1} << 40) + 5, 0, {}}});
  const On<float> out(device, rows * width);
  // Rows that pass the end of 32 bits, and samples.
  device.operations().normals({{99, Stream::train, 4, 2},
                               by_cursor ? cursor.data() : nullptr,
                               0xFFFFFFFEu,
                               rows,
                               width,
                               0.7f,
                               out.data()});
  return out.read();
}

TEST_CASE("load of every type and layout, in order and by a cursor") {
  for (const model::Extent& image : kImages) {
    check_loads(random_floats(kTotal * image.size(), 1), ElementType::float32,
                image);
    check_loads(random_bytes(kTotal * image.size(), 1), ElementType::uint8,
                image);
  }
}

TEST_CASE("load by a cursor takes the rows that its order names") {
  Device& device = kernel_device();
  const model::Extent image{2, 2, 3};
  const auto values = random_floats(kTotal * 12, 3);
  const On<float> rows(device, values);
  const Cursor at_five{0, 5, Order{7, 2, kTotal}};
  const On<Cursor> cursor(device, {at_five});
  RowSource from;
  from.data = rows.data();
  from.layout = vae::Layout::hwc;
  from.place = Place::resident;
  from.cursor = cursor.data();
  from.first = 3;  // in order; of no meaning with a cursor
  from.count = 15;
  const auto got = loaded(device, from, image);
  for (std::int64_t i = 0; i < from.count; ++i) {
    const auto row = static_cast<std::int64_t>(
        at_five.order(5 + static_cast<std::uint64_t>(i)));
    CAPTURE(i);
    CHECK(std::equal(got.begin() + i * 12, got.begin() + (i + 1) * 12,
                     values.begin() + row * 12));
  }
}

TEST_CASE("store of every type and layout, unchanged or as probabilities") {
  check_stores<float>(ElementType::float32);
  check_stores<std::uint8_t>(ElementType::uint8);
}

TEST_CASE("columns of a matrix are stored row by row") {
  const auto cpu = make_cpu_device(1);
  struct Part {
    std::int64_t rows, width, first, columns;
  };
  for (const Part& part : {Part{1, 1, 0, 1}, Part{3, 6, 1, 2},
                           Part{130, 7, 0, 7}, Part{67, 40, 20, 20}}) {
    CAPTURE(part.rows);
    const auto values = random_floats(part.rows * part.width, 4);
    const auto taken = [&](Device& device) {
      const On<float> from(device, values);
      std::vector<float> out(at(part.rows * part.columns));
      device.operations().store_columns(
          from.data(), part.width, part.first, part.columns,
          {out.data(), ElementType::float32, vae::Layout::chw, Place::host,
           part.rows, nullptr});
      return out;
    };
    CHECK(same_bytes(taken(kernel_device()), taken(*cpu)));
  }
}

TEST_CASE("normal numbers are bit-equal to the CPU's, by key or by cursor") {
  const auto cpu = make_cpu_device(1);
  struct Size {
    std::int64_t rows, width;
  };
  for (const Size& size : {Size{1, 1}, Size{5, 3}, Size{11, 130}, Size{300, 5}})
    for (const bool by_cursor : {false, true}) {
      CAPTURE(size.rows);
      CHECK(same_bytes(drawn(kernel_device(), size.rows, size.width, by_cursor),
                       drawn(*cpu, size.rows, size.width, by_cursor)));
    }
  CHECK_FALSE(same_bytes(drawn(*cpu, 5, 3, false), drawn(*cpu, 5, 3, true)));
}

}  // namespace
}  // namespace vae::engine
