// A folder of PNG files as images; its subfolders, if it has them, as labels.
// It looks one level deep and changes no pixel.
#pragma once

#include <string>
#include <string_view>

#include "data/images.hpp"

namespace vae::data {

/// Whether a comes before b, numbers within the text compared as numbers:
/// "2.png" before "10.png".
bool natural_less(std::string_view a, std::string_view b);

/// Whether PNG files lie in `folder` itself.
bool holds_pictures(const std::string& folder);

/// Reads `folder`:
///  - with PNG files in it: these, without labels; if there are PNG files in
///    its subfolders too, Error(format) with both counts;
///  - else its subfolders, each of which must hold PNG files: labels 0, 1, …
///    in natural order of their names.
/// Images come in natural order of their names. Other files and names that
/// begin with a dot are ignored; of images in other formats the log warns. All
/// images have one shape: grey or RGB as the first (a palette counts as RGB,
/// alpha is dropped, 16 bits become 8). Error(file) if the folder or a file
/// cannot be read, Error(format) that names the offending file, or the folder
/// if it holds no image.
Images read_image_folder(const std::string& folder);

}  // namespace vae::data
