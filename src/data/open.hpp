// Decides what a path means and reads it: MNIST's files, one IDX file, or a
// directory of PNG files. The formats are in other files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/images.hpp"
#include "vae/error.hpp"

namespace vae::data {

/// Implements Dataset::open.
Images open_images(const std::string& path, const std::string& labels_path);

/// Attaches labels, one per image, none negative. `origin` names them in error
/// texts; `status` is the error status for bad labels.
void set_labels(Images& images, std::vector<std::int32_t> labels,
                const std::string& origin, Status status);

}  // namespace vae::data
