// vae::Dataset: decides what a path means (MNIST's files, one IDX file, or a
// directory of PNG files), copies images from memory, and converts images that
// are read. The formats are in other files.
#include "vae/dataset.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "data/idx.hpp"
#include "data/image_folder.hpp"
#include "data/images.hpp"
#include "io/file.hpp"
#include "io/rows.hpp"

namespace vae::data {
namespace {

namespace fs = std::filesystem;

/// One of MNIST's two sets in a folder.
struct MnistSet {
  std::string images, labels;  // paths; no labels: empty
};

/// Whether the name exists, also as a broken link or an unreadable file;
/// reading it then fails with an error that names it.
bool is_there(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (!fs::status_known(status)) io::require_readable(error, path.string());
  return fs::exists(status);
}

/// Status of the target, links followed.
fs::file_status status_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  io::require_readable(error, path.string());
  return status;
}

/// The path of, for example, "train-images" + "idx3-ubyte" in any of the
/// spellings in use, or an empty path.
std::string find_part(const fs::path& folder, const std::string& stem,
                      const std::string& kind) {
  for (const char* end : {"", ".gz"})
    for (const char* dash : {"-", "."}) {
      const fs::path path = folder / (stem + dash + kind + end);
      if (is_there(path)) return path.string();
    }
  return {};
}

std::optional<MnistSet> find_mnist(const fs::path& folder, bool train) {
  const std::string prefix = train ? "train" : "t10k";
  MnistSet set{find_part(folder, prefix + "-images", "idx3-ubyte"),
               find_part(folder, prefix + "-labels", "idx1-ubyte")};
  if (set.images.empty()) return std::nullopt;
  return set;
}

/// Attaches labels, one per image, none negative. `origin` names them in error
/// texts; `status` is that of bad labels: a file's or an argument's.
void set_labels(Images& images, std::vector<std::int32_t> labels,
                const std::string& origin, Status status) {
  require(labels.size() == images.count, status, origin, " has ", labels.size(),
          " labels for ", images.count, " images");
  for (std::size_t i = 0; i < labels.size(); ++i)
    require(labels[i] >= 0, status, origin, ": label ", i, " is ", labels[i],
            "; labels are at least 0");
  const std::int32_t largest =
      labels.empty() ? -1 : *std::max_element(labels.begin(), labels.end());
  images.classes = static_cast<std::uint32_t>(largest) + 1;
  images.labels = std::move(labels);
}

Images read_idx(const std::string& path, const std::string& labels_path) {
  Images images = read_idx_images(path);
  if (!labels_path.empty())
    set_labels(images, read_idx_labels(labels_path), labels_path,
               Status::format);
  return images;
}

Images read_mnist(const MnistSet& set) {
  return read_idx(set.images, set.labels);
}

/// Reads a directory that is one dataset: MNIST's training files, or PNG files.
Images read_set_folder(const fs::path& folder) {
  if (const auto set = find_mnist(folder, true)) return read_mnist(*set);
  require(!find_mnist(folder, false), Status::file, folder.string(),
          " holds MNIST's test files but no train-images-idx3-ubyte; append "
          "/test for the test set");
  return read_image_folder(folder.string());
}

/// Rejects directories where "train" may be a label ("car", "plane", "train")
/// or a set ("train", "test").
void refuse_label_train(const fs::path& folder) {
  if (!holds_pictures((folder / "train").string())) return;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_set = name == "train" || name == "test" || name == "val" ||
                        name == "valid" || name == "validation";
    std::error_code unknown;
    require(is_set || name.starts_with('.') || !entry->is_directory(unknown) ||
                !holds_pictures(entry->path().string()),
            Status::format, folder.string(),
            " holds PNG files in train and in ", name,
            ": train may be a label or the training set; for labels, put all "
            "folders into a folder train of their own");
  }
  io::require_readable(error, folder.string());
}

/// Reads a directory: one dataset, or a directory with a directory train.
Images read_folder(const fs::path& folder) {
  // MNIST's files come first: beside them, "train" is an appended set name.
  const bool mnist = find_mnist(folder, true) || find_mnist(folder, false);
  const fs::path train = folder / "train";
  if (!mnist && is_there(train) && fs::is_directory(status_of(train))) {
    refuse_label_train(folder);
    return read_set_folder(train);
  }
  return read_set_folder(folder);
}

/// The set of FOLDER/train or FOLDER/test, if FOLDER has MNIST's files.
std::optional<MnistSet> find_named_set(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name != "train" && name != "test") return std::nullopt;
  return find_mnist(path.parent_path(), name == "train");
}

/// An existing file or directory comes first, then "train" or "test" below a
/// directory with MNIST's files.
Images open_images(const std::string& path, const std::string& labels_path) {
  fs::path clean(path);
  if (!clean.has_filename() && clean.has_parent_path())
    clean = clean.parent_path();  // drops a trailing slash
  const bool there = is_there(clean);
  const bool is_folder = there && fs::is_directory(status_of(clean));
  const auto named = there ? std::nullopt : find_named_set(clean);
  require(labels_path.empty() || !(is_folder || named), Status::argument,
          labels_path, ": labels were given with the folder ", path,
          ", which brings its own; they go with a single IDX file");
  if (named) return read_mnist(*named);
  if (is_folder) return read_folder(clean);
  return read_idx(path, labels_path);
}

}  // namespace
}  // namespace vae::data

namespace vae {

Dataset Dataset::open(const std::string& path, const std::string& labels_path) {
  return Dataset(std::make_shared<const data::Images>(
      data::open_images(path, labels_path)));
}

// all [count, C, H, W] or [count, H, W, C] -> rows [count, C, H, W], same type
Dataset Dataset::from_memory(const Batch& all, const Shape& shape,
                             std::span<const std::int32_t> labels) {
  io::check_rows(
      all, {"images", io::image_elements(shape), true, io::ValueRange::finite},
      DeviceKind::cpu);
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

// rows [first, first + count) of [C, H, W] -> the output's layout and type
void Dataset::read(std::uint64_t first, std::uint64_t count,
                   Output& images) const {
  const data::Images& all = *images_;
  require(first <= all.count && count <= all.count - first, Status::argument,
          "images ", first, " to ", first, " + ", count,
          " were requested; the dataset has 0 to ", all.count);
  const std::uint64_t bytes = io::check_output(
      images, {"images", all.row_elements(), true, io::ValueRange::unit}, count,
      DeviceKind::cpu);
  const std::uint64_t row_from = all.row_elements() * element_size(all.type);
  const std::uint64_t row_to = all.row_elements() * element_size(images.type);
  auto* to = static_cast<std::byte*>(images.data);
  for (std::uint64_t i = 0; i < count; ++i)
    io::copy_image(all.rows.data() + (first + i) * row_from,
                   {all.type, Layout::chw}, to + i * row_to,
                   {images.type, images.layout}, all.shape);
  images.written = bytes;
}

}  // namespace vae
