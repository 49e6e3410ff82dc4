// Images in memory, read from files or copied from the host. A Dataset is
// immutable and cheap to copy; several trainers and threads may use one at
// once. It does not augment, shuffle or change images.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vae/rows.hpp"

namespace vae {

namespace data {
struct Images;  // shared by copies of a Dataset; private to the library
}

/// Images of one shape with optional labels. Trainers that still use the images
/// of a destroyed dataset keep them alive.
/// C: vae_dataset_destroy.
class Dataset {
 public:
  /// Reads images from a file or directory. `path` is one of:
  ///  - a directory with MNIST's file names (train-images-idx3-ubyte and so on,
  ///    gzipped or not, also with a dot before "idx"): the training set, or the
  ///    set named by an appended "/train" or "/test". Labels are read if their
  ///    file exists;
  ///  - one IDX file of unsigned bytes (gzipped or not), with labels from
  ///    `labels_path` if not empty;
  ///  - a directory of PNG files, or of subdirectories of PNG files, which in
  ///    natural order ("2" before "10") are the labels 0, 1, …. All images have
  ///    one shape, grey or RGB; alpha is dropped, 16 bits become 8;
  ///  - a directory that contains a directory `train`, which is read.
  /// Throws Error(file) if nothing is there, Error(format) with the file and
  /// the problem if the content is invalid, Error(argument) if `labels_path` is
  /// given for a directory.
  /// C: vae_dataset_open.
  /// @param path        One of the above, UTF-8.
  /// @param labels_path For one IDX file: the IDX file of its labels.
  /// @return The set.
  static Dataset open(const std::string& path,
                      const std::string& labels_path = {});

  /// Copies images from memory. `all` is on the CPU, uint8 or float32 (stored
  /// in that type), in either layout; `labels` is empty or has one entry, >= 0,
  /// per image. Floats must be finite; the trainer checks their range.
  /// Error(argument) names the bad value, Error(too_small) the buffer.
  /// C: vae_dataset_from_memory.
  /// @param all    The images.
  /// @param shape  Of one image.
  /// @param labels Their labels, or none.
  /// @return The set.
  static Dataset from_memory(const Batch& all, const Shape& shape,
                             std::span<const std::int32_t> labels = {});
  /// The same from a vector, array or span that holds whole images.
  /// @param all    The images.
  /// @param shape  Of one image.
  /// @param labels Their labels, or none.
  /// @return The set.
  template <Numbers Images>
  static Dataset from_memory(const Images& all, const Shape& shape,
                             std::span<const std::int32_t> labels = {}) {
    return from_memory(Batch::rows_of(all, elements(shape)), shape, labels);
  }

  /// The number of images.
  /// C: vae_dataset_info.
  /// @return The count.
  std::uint64_t size() const noexcept;
  /// The shape of an image.
  /// C: vae_dataset_info.
  /// @return Channels, height, width.
  const Shape& shape() const noexcept;
  /// @return Type in which the images are stored: uint8 or float32.
  ElementType type() const noexcept;
  /// The number of classes.
  /// C: vae_dataset_info.
  /// @return Largest label + 1, or the number of label directories; 0 without
  ///         labels.
  std::uint32_t classes() const noexcept;
  /// The labels.
  /// C: vae_dataset_read.
  /// @return One label per image, or empty.
  std::span<const std::int32_t> labels() const noexcept;

  /// Copies images [first, first + count) into `images` (uint8 or float32 in
  /// [0, 1]) on the CPU, in either layout; `images.written` is set. Bytes are
  /// divided by 255; floats are clipped and rounded to bytes; equal types are
  /// copied unchanged. Error(argument) if the range exceeds the dataset,
  /// Error(too_small) with the bytes needed; then nothing is written.
  /// C: vae_dataset_read.
  /// @param first  The first image, from 0.
  /// @param count  Number of images.
  /// @param images The buffer.
  void read(std::uint64_t first, std::uint64_t count, Output& images) const;
  /// The same into a vector.
  /// @param first The first image, from 0.
  /// @param count Number of images.
  /// @return `count` images as T.
  template <Pixel T = float>
  std::vector<T> read(std::uint64_t first, std::uint64_t count) const {
    std::vector<T> images;
    // A count that is too large is not allocated; the call below throws.
    if (count <= size()) images.resize(count * elements(shape()));
    Output output = Output::of(images);
    read(first, count, output);
    return images;
  }

  /// @return The images that copies share; private to the library.
  const std::shared_ptr<const data::Images>& shared() const noexcept {
    return images_;
  }
  /// Private to the library; use open() and from_memory().
  /// @param images The images that copies share.
  explicit Dataset(std::shared_ptr<const data::Images> images)
      : images_(std::move(images)) {}

 private:
  std::shared_ptr<const data::Images> images_;
};

}  // namespace vae
