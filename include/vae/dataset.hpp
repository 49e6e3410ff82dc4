// Images in memory, opened from files or handed over by the host. A Dataset is
// immutable and cheap to copy; several trainers and threads may use one at
// once. It never augments, shuffles or changes an image.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vae/rows.hpp"

namespace vae {

namespace data {
struct Images;  // what a Dataset shares; private to the library
}

/// A set of equally shaped images with optional labels. Trainers that still use
/// the images of a destroyed set keep them.
/// C: vae_dataset_destroy.
class Dataset {
 public:
  /// Opens, by what `path` is:
  ///  - a folder with MNIST's file names (train-images-idx3-ubyte and so on,
  ///    gzipped or not, also with a dot before "idx"): the training set; with
  ///    "/train" or "/test" appended to the folder, that set. Labels come along
  ///    if their file is there;
  ///  - one IDX file of unsigned bytes (gzipped or not), labels from
  ///    `labels_path` if not empty;
  ///  - a folder of PNG files, or of subfolders that hold PNG files; these, in
  ///    natural order ("2" before "10"), are the labels 0, 1, …. All images
  ///    have one shape, grey or RGB; alpha is dropped, 16 bits become 8;
  ///  - a folder that holds a folder `train`: what that holds.
  /// Throws Error(file) if nothing is there, Error(format) with file and
  /// offence if the content is not as it should be, Error(argument) for a
  /// `labels_path` beside a folder.
  /// C: vae_dataset_open.
  /// @param path        As said, UTF-8.
  /// @param labels_path For one IDX file: the IDX file of its labels.
  /// @return The set.
  static Dataset open(const std::string& path,
                      const std::string& labels_path = {});

  /// Copies images from memory. `all` is on the CPU, uint8 or float32 (kept as
  /// such), in either layout; `labels` is empty or has one entry, >= 0, per
  /// image. Floats are finite; which range is allowed is the trainer's matter.
  /// Error(argument) names the offending value, Error(too_small) the buffer.
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

  /// How many images there are.
  /// C: vae_dataset_info.
  /// @return The count.
  std::uint64_t size() const noexcept;
  /// The shape of an image.
  /// C: vae_dataset_info.
  /// @return Channels, height, width.
  const Shape& shape() const noexcept;
  /// @return How the images are kept: uint8 or float32.
  ElementType type() const noexcept;
  /// How many labels there can be.
  /// C: vae_dataset_info.
  /// @return Largest label + 1, or the number of label folders; 0 without
  ///         labels.
  std::uint32_t classes() const noexcept;
  /// The labels.
  /// C: vae_dataset_read.
  /// @return One label per image, or empty.
  std::span<const std::int32_t> labels() const noexcept;

  /// Copies images [first, first + count) into `images` (uint8 or float32 in
  /// [0, 1]) on the CPU, in either layout; `images.written` is set. Bytes are
  /// divided by 255, floats as bytes rounded and clipped; equal types are
  /// copied unchanged. Error(argument) outside the set, Error(too_small) naming
  /// the bytes needed; then nothing is written.
  /// C: vae_dataset_read.
  /// @param first  The first image, from 0.
  /// @param count  How many.
  /// @param images The room.
  void read(std::uint64_t first, std::uint64_t count, Output& images) const;
  /// The same into a vector.
  /// @param first The first image, from 0.
  /// @param count How many.
  /// @return [count] images, as float unless std::uint8_t is asked for.
  template <Pixel T = float>
  std::vector<T> read(std::uint64_t first, std::uint64_t count) const {
    std::vector<T> images;
    // For more than there are no room is made: the call below refuses.
    if (count <= size()) images.resize(count * elements(shape()));
    Output room = Output::of(images);
    read(first, count, room);
    return images;
  }

  /// @return What copies share; private to the library.
  const std::shared_ptr<const data::Images>& shared() const noexcept {
    return images_;
  }
  /// For the library itself: open() and from_memory() make datasets.
  /// @param images What copies share.
  explicit Dataset(std::shared_ptr<const data::Images> images)
      : images_(std::move(images)) {}

 private:
  std::shared_ptr<const data::Images> images_;
};

}  // namespace vae
