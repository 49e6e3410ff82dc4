// The grid of torchvision.utils.make_grid, pixel for pixel, and
// vae::write_grid. Images are converted one at a time, so memory is needed for
// the picture and one image only.
#include "io/grid.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"
#include "io/file.hpp"
#include "io/rows.hpp"
#include "vae/image.hpp"

namespace vae::io {
namespace {

constexpr std::uint64_t kBorder = 2;           // torchvision's default padding
constexpr std::uint64_t kMaxSide = 1'000'000;  // libpng's limit
constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 28;  // 768 MiB

// In integers, because a double cannot represent every count.
std::uint64_t square_root_up(std::uint64_t count) {
  std::uint64_t root = 1;
  while (root < count / root + (count % root != 0)) ++root;
  return root;
}

/// Positions of the images in the picture.
struct GridPlan {
  std::uint64_t columns, rows, height, width, border;
};

GridPlan plan_grid(std::uint64_t count, const Shape& shape,
                   std::uint32_t columns) {
  // torchvision returns a single image as it is.
  if (count == 1) return {1, 1, shape[1], shape[2], 0};
  const std::uint64_t wanted = columns > 0 ? columns : square_root_up(count);
  const std::uint64_t across = std::min(wanted, count);
  const std::uint64_t down = (count - 1) / across + 1;
  return {across, down, down * (shape[1] + kBorder) + kBorder,
          across * (shape[2] + kBorder) + kBorder, kBorder};
}

/// Copies an image [H, W, C] to its position in the RGB picture [height, width,
/// 3]; a grey channel is repeated.
void place(const std::vector<std::byte>& image, const Shape& shape,
           Picture& picture, std::uint64_t top, std::uint64_t left) {
  for (std::uint64_t y = 0; y < shape[1]; ++y) {
    std::uint8_t* to =
        picture.pixels.data() + ((top + y) * picture.width + left) * 3;
    const std::byte* from = image.data() + y * shape[2] * shape[0];
    for (std::uint64_t i = 0; i < std::uint64_t{shape[2]} * 3; ++i)
      to[i] = std::to_integer<std::uint8_t>(from[shape[0] == 3 ? i : i / 3]);
  }
}

}  // namespace

// images [count, C, H, W] or [count, H, W, C] -> RGB picture [height, width, 3]
Picture draw_grid(const Batch& images, const Shape& shape,
                  std::uint32_t columns) {
  require(shape[0] == 1 || shape[0] == 3, Status::argument, "images of ",
          shape[0], " channels cannot be drawn; 1 and 3 are allowed");
  const std::uint64_t elements = image_elements(shape);
  check_rows(images, {"images", elements, true, ValueRange::not_nan},
             DeviceKind::cpu);
  const GridPlan plan = plan_grid(images.count, shape, columns);
  require(plan.width <= kMaxSide && plan.height <= kMaxSide &&
              plan.width * plan.height <= kMaxPixels,
          Status::argument, "a grid of ", images.count, " images is ",
          plan.width, "x", plan.height, " pixels; sides of at most ", kMaxSide,
          " and ", kMaxPixels, " pixels in all are allowed");

  Picture picture{3, static_cast<std::uint32_t>(plan.height),
                  static_cast<std::uint32_t>(plan.width),
                  std::vector<std::uint8_t>(plan.height * plan.width * 3)};
  std::vector<std::byte> image(elements);
  const auto* data = static_cast<const std::byte*>(images.data);
  for (std::uint64_t i = 0; i < images.count; ++i) {
    copy_image(data + i * elements * element_size(images.type),
               {images.type, images.layout}, image.data(),
               {ElementType::uint8, Layout::hwc}, shape);
    place(image, shape, picture,
          i / plan.columns * (shape[1] + plan.border) + plan.border,
          i % plan.columns * (shape[2] + plan.border) + plan.border);
  }
  return picture;
}

}  // namespace vae::io

namespace vae {

void write_grid(const std::string& path, const Batch& images,
                const Shape& shape, std::uint32_t columns) {
  io::write_file_atomically(
      path, io::write_png(io::draw_grid(images, shape, columns)));
}

}  // namespace vae
