// Finds out what a path holds and reads it: MNIST's files, one IDX file, or a
// folder of PNG files. The formats themselves are elsewhere.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/images.hpp"
#include "vae/error.hpp"

namespace vae::data {

/// The images that Dataset::open promises for these paths.
Images open_images(const std::string& path, const std::string& labels_path);

/// Attaches labels, one per image and none negative. `origin` names them in
/// error texts; `status` is what a wrong one is.
void set_labels(Images& images, std::vector<std::int32_t> labels,
                const std::string& origin, Status status);

}  // namespace vae::data
