// Grids of samples, reconstructions and interpolations.
#include "pictures.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

namespace cli {

using Bytes = std::vector<std::uint8_t>;

namespace {

void write_grid(const std::string& path, const Bytes& images,
                std::uint64_t count, const Shape& shape,
                std::uint32_t columns) {
  const vae_batch batch = vae_view_u8(images.data(), count, pixels(shape));
  check(vae_write_grid(path.c_str(), &batch, shape.data(), columns));
}

std::vector<float> means_of(vae_trainer* trainer, const Bytes& images,
                            std::uint64_t count, std::uint32_t latent) {
  std::vector<float> codes(count * latent);
  const vae_batch batch =
      vae_view_u8(images.data(), count, images.size() / count);
  vae_output mean = vae_output_f32(codes.data(), codes.size());
  check(vae_encode(trainer, &batch, &mean, nullptr));
  return codes;
}

}  // namespace

bool drawable(const Shape& shape) { return shape[0] == 1 || shape[0] == 3; }

// The limits of vae_write_grid(), checked here before the computation.
void check_grid(std::uint64_t count, const Shape& shape, std::uint64_t columns,
                const std::string& path) {
  constexpr std::uint64_t kMostPixels = std::uint64_t{1} << 28;
  constexpr std::uint64_t kLongestSide = 1'000'000, kBorder = 2;
  if (!drawable(shape)) {
    throw Failure(VAE_E_ARGUMENT, path + ": images of " +
                                      std::to_string(shape[0]) +
                                      " channels cannot be drawn, only of 1 "
                                      "(grey) or 3 (red, green, blue)");
  }
  const std::uint64_t across = std::min(columns, count);
  const std::uint64_t down = (count + across - 1) / across;
  const std::uint64_t width = across * (shape[2] + kBorder) + kBorder;
  const std::uint64_t height = down * (shape[1] + kBorder) + kBorder;
  if (width <= kLongestSide && height <= kLongestSide &&
      width * height <= kMostPixels) {
    return;
  }
  throw Failure(VAE_E_ARGUMENT,
                path + ": " + std::to_string(count) + " images of " +
                    to_string(shape) + " would be a picture of " +
                    std::to_string(width) + "x" + std::to_string(height) +
                    " pixels; at most " + std::to_string(kLongestSide) +
                    " on a side and " + std::to_string(kMostPixels) +
                    " in all are allowed");
}

void draw_samples(vae_trainer* trainer, const vae_sampling& sampling,
                  std::uint32_t columns, const std::string& path) {
  const Shape shape = shape_of(config_of(trainer));
  check_grid(sampling.count, shape, columns, path);
  Bytes images(sampling.count * pixels(shape));
  vae_output output = vae_output_u8(images.data(), images.size());
  check(vae_sample(trainer, &sampling, &output));
  write_grid(path, images, sampling.count, shape, columns);
}

void draw_reconstructions(vae_trainer* trainer, const Images& images,
                          std::uint64_t first, std::uint64_t count,
                          std::uint32_t pairs, const std::string& path) {
  check_grid(2 * count, images.shape, 2ULL * pairs, path);
  const Bytes originals = read_images(images, first, count);
  Bytes copies(originals.size());
  const vae_batch batch =
      vae_view_u8(originals.data(), count, pixels(images.shape));
  vae_output output = vae_output_u8(copies.data(), copies.size());
  check(vae_reconstruct(trainer, &batch, &output));

  Bytes paired;
  paired.reserve(2 * originals.size());
  const auto size = static_cast<std::ptrdiff_t>(pixels(images.shape));
  auto copy = copies.cbegin();
  for (auto at = originals.cbegin(); at != originals.cend(); at += size) {
    paired.insert(paired.end(), at, at + size);
    paired.insert(paired.end(), copy, copy + size);
    copy += size;
  }
  write_grid(path, paired, 2 * count, images.shape,
             static_cast<std::uint32_t>(std::min(2ULL * pairs, 2ULL * count)));
}

void draw_interpolations(vae_trainer* trainer, const Images& images,
                         std::uint64_t first, std::uint64_t rows,
                         std::uint32_t steps, const std::string& path) {
  check_grid(rows * steps, images.shape, steps, path);
  const std::uint32_t latent = config_of(trainer).latent;
  const Bytes originals = read_images(images, first, 2 * rows);
  const auto ends = means_of(trainer, originals, 2 * rows, latent);

  std::vector<float> codes;  // [rows][steps][latent]
  codes.reserve(rows * steps * latent);
  for (std::uint64_t row = 0; row < rows; ++row) {
    const float* from = &ends[2 * row * latent];
    const float* to = from + latent;
    for (std::uint32_t step = 0; step < steps; ++step) {
      const float t = static_cast<float>(step) / static_cast<float>(steps - 1);
      std::transform(from, from + latent, to, std::back_inserter(codes),
                     [t](float a, float b) { return a + t * (b - a); });
    }
  }
  Bytes decoded(rows * steps * pixels(images.shape));
  const vae_batch batch = vae_view_f32(codes.data(), rows * steps, latent);
  vae_output output = vae_output_u8(decoded.data(), decoded.size());
  check(vae_decode(trainer, &batch, &output));
  write_grid(path, decoded, rows * steps, images.shape, steps);
}

}  // namespace cli
