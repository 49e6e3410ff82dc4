// See image_folder.hpp. Lists PNG files in a repeatable order (a directory's
// own order depends on the file system) and decodes them into one array.
#include "data/image_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/check.hpp"
#include "base/log.hpp"
#include "io/file.hpp"
#include "io/png.hpp"
#include "io/rows.hpp"

namespace vae::data {
namespace {

namespace fs = std::filesystem;

struct Listing {
  std::vector<std::string> pictures, folders;  // names, in natural order
  std::uint64_t others = 0, other_images = 0;
};

// In lower case, and without the locale, which tolower() would use.
std::string extension_of(const fs::path& name) {
  std::string extension = name.extension().string();
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return extension;
}

/// Image formats that are not read, for a warning.
bool is_other_image(const std::string& extension) {
  constexpr std::string_view kImages[] = {".jpg", ".jpeg", ".bmp", ".gif",
                                          ".tif", ".tiff", ".webp"};
  return std::find(std::begin(kImages), std::end(kImages), extension) !=
         std::end(kImages);
}

/// The entries of a directory, without those that begin with a dot.
Listing list_folder(const std::string& folder) {
  Listing listing;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code unknown;  // a broken link counts as another file
    if (entry->is_directory(unknown))
      listing.folders.push_back(name);
    else if (extension_of(name) == ".png")
      listing.pictures.push_back(name);
    else
      ++(is_other_image(extension_of(name)) ? listing.other_images
                                            : listing.others);
  }
  io::require_readable(error, folder);
  std::sort(listing.pictures.begin(), listing.pictures.end(), natural_less);
  std::sort(listing.folders.begin(), listing.folders.end(), natural_less);
  return listing;
}

/// Appends one file's image, [H, W, C] -> [C, H, W]; the first image sets the
/// shape.
void add_image(Images& images, const std::string& path) {
  const io::Picture picture = io::read_png(io::read_file(path), path);
  const Shape shape{picture.channels, picture.height, picture.width};
  if (images.count == 0) images.shape = shape;
  require(shape == images.shape, Status::format, path, " has the shape ",
          io::to_string(shape),
          " (channels, height, width)"
          "; the images before it have ",
          io::to_string(images.shape));
  const std::size_t size = picture.pixels.size();
  const std::size_t at = images.rows.size();
  images.rows.resize(at + size);
  io::copy_image(reinterpret_cast<const std::byte*>(picture.pixels.data()),
                 {ElementType::uint8, Layout::hwc}, images.rows.data() + at,
                 {ElementType::uint8, Layout::chw}, shape);
  ++images.count;
}

void add_all(Images& images, const std::string& folder,
             const std::vector<std::string>& names) {
  for (const std::string& name : names)
    add_image(images, (fs::path(folder) / name).string());
}

void tell_left_out(const std::string& folder, const Listing& listing) {
  if (listing.other_images == 0) return;
  log(LogLevel::warning, folder, ": ", listing.pictures.size(),
      " PNG files are read, ", listing.other_images,
      " images of other formats are left out");
}

/// Without this check, one stray PNG file beside label directories would be the
/// whole dataset.
void refuse_mixture(const std::string& folder, const Listing& listing) {
  std::uint64_t inside = 0;
  for (const std::string& name : listing.folders)
    inside += list_folder((fs::path(folder) / name).string()).pictures.size();
  require(inside == 0, Status::format, folder, " holds ",
          listing.pictures.size(), " PNG files (the first is '",
          listing.pictures.front(), "') and ", inside,
          " more in its subfolders; allowed are PNG files, or one subfolder "
          "for each label");
}

std::string_view digits_at(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789");
  return text.substr(0, std::min(end, text.size()));
}

std::string_view without_zeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

}  // namespace

// Compares the texts as sequences of characters and runs of digits. A longer
// run without leading zeros is the larger number, so no conversion can
// overflow.
bool natural_less(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a, whole_b = b;
  while (!a.empty() && !b.empty()) {
    const std::string_view run_a = digits_at(a), run_b = digits_at(b);
    if (run_a.empty() || run_b.empty()) {
      if (a[0] != b[0])
        return static_cast<unsigned char>(a[0]) <
               static_cast<unsigned char>(b[0]);
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    const std::string_view x = without_zeros(run_a), y = without_zeros(run_b);
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
    a.remove_prefix(run_a.size());
    b.remove_prefix(run_b.size());
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;  // equal as numbers, as "01" and "1"
}

// Lists the whole directory, which is fast compared with reading its images.
bool holds_pictures(const std::string& folder) {
  return !list_folder(folder).pictures.empty();
}

// PNG files of one directory, or of its subdirectories -> [count, C, H, W]
Images read_image_folder(const std::string& folder) {
  const Listing listing = list_folder(folder);
  Images images;
  images.type = ElementType::uint8;
  tell_left_out(folder, listing);
  if (!listing.pictures.empty()) {
    refuse_mixture(folder, listing);
    add_all(images, folder, listing.pictures);
    return images;
  }
  require(!listing.folders.empty(), Status::format, folder,
          " holds neither MNIST's files, nor PNG files, nor subfolders; it "
          "holds ",
          listing.others + listing.other_images, " other files");
  for (const std::string& name : listing.folders) {
    const std::string path = (fs::path(folder) / name).string();
    const Listing inner = list_folder(path);
    require(!inner.pictures.empty(), Status::format, path,
            " holds no PNG files; as a label's folder it needs one");
    tell_left_out(path, inner);
    add_all(images, path, inner.pictures);
    // The images added since the last folder get this folder's label.
    images.labels.resize(images.count,
                         static_cast<std::int32_t>(images.classes++));
  }
  return images;
}

}  // namespace vae::data
