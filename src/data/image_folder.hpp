// Reads a directory of PNG files, or one subdirectory per label. It looks one
// level deep and does not change pixels.
#pragma once

#include <string>
#include <string_view>

#include "data/images.hpp"

namespace vae::data {

/// Natural order: digits within the text are compared as numbers, so "2.png" is
/// before "10.png".
bool natural_less(std::string_view a, std::string_view b);

/// Whether `folder` itself contains PNG files.
bool holds_pictures(const std::string& folder);

/// Reads `folder`:
///  - if it contains PNG files: these, without labels; if its subdirectories
///    contain PNG files too, Error(format) with both counts;
///  - else its subdirectories, each of which must contain PNG files: labels
///    0, 1, … in natural order of their names.
/// Images are in natural order of their names. Other files and names that begin
/// with a dot are ignored; images in other formats cause a log warning. All
/// images have the shape of the first, grey or RGB (a palette counts as RGB,
/// alpha is dropped, 16 bits become 8). Error(file) if the directory or a file
/// cannot be read; Error(format) that names the file, or the directory if it
/// contains no image.
Images read_image_folder(const std::string& folder);

}  // namespace vae::data
