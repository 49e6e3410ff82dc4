// vae::Dataset: creation from files or memory, and reading images.
#include "vae/dataset.hpp"

#include <memory>
#include <utility>

#include "base/check.hpp"
#include "data/images.hpp"
#include "data/open.hpp"
#include "io/rows.hpp"

namespace vae {

Dataset Dataset::open(const std::string& path, const std::string& labels_path) {
  return Dataset(std::make_shared<const data::Images>(
      data::open_images(path, labels_path)));
}

Dataset Dataset::from_memory(const Batch& all, const Shape& shape,
                             std::span<const std::int32_t> labels) {
  io::check_images(all, shape, false);
  data::Images images;
  images.shape = shape;
  images.type = all.type;
  images.count = all.count;
  if (!labels.empty())
    data::set_labels(images, {labels.begin(), labels.end()}, "labels",
                     Status::argument);
  const std::uint64_t row = images.row_elements() * element_size(all.type);
  images.rows.resize(all.count * row);
  const auto* from = static_cast<const std::byte*>(all.data);
  for (std::uint64_t i = 0; i < all.count; ++i)
    io::copy_image(from + i * row, {all.type, all.layout},
                   images.rows.data() + i * row, {all.type, Layout::chw},
                   shape);
  return Dataset(std::make_shared<const data::Images>(std::move(images)));
}

std::uint64_t Dataset::size() const noexcept { return images_->count; }
const Shape& Dataset::shape() const noexcept { return images_->shape; }
ElementType Dataset::type() const noexcept { return images_->type; }
std::uint32_t Dataset::classes() const noexcept { return images_->classes; }
std::span<const std::int32_t> Dataset::labels() const noexcept {
  return images_->labels;
}

void Dataset::read(std::uint64_t first, std::uint64_t count,
                   Output& images) const {
  const data::Images& all = *images_;
  require(first <= all.count && count <= all.count - first, Status::argument,
          "images ", first, " to ", first, " + ", count,
          " were requested; the dataset has 0 to ", all.count);
  io::check_format({images.type, images.layout}, "the output's");
  require(images.device == DeviceKind::cpu, Status::argument,
          "the output's device is ", static_cast<std::int32_t>(images.device),
          "; 1 (cpu) is allowed here");
  const std::uint64_t row_from = all.row_elements() * element_size(all.type);
  const std::uint64_t row_to = all.row_elements() * element_size(images.type);
  require(images.bytes / row_to >= count, Status::too_small,
          "the output buffer has ", images.bytes, " bytes; ", count * row_to,
          " are needed");
  require(images.data != nullptr || count == 0, Status::argument,
          "the output's data is null");
  auto* to = static_cast<std::byte*>(images.data);
  for (std::uint64_t i = 0; i < count; ++i)
    io::copy_image(all.rows.data() + (first + i) * row_from,
                   {all.type, Layout::chw}, to + i * row_to,
                   {images.type, images.layout}, all.shape);
  images.written = count * row_to;
}

}  // namespace vae
