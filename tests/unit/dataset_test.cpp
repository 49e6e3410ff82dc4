// vae::Dataset: meanings of a path, copies from memory, and reading rows.
#include "vae/dataset.hpp"

#include <limits>
#include <numeric>

#include "io/png.hpp"
#include "unit/gzip_of.hpp"
#include "unit/idx_of.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::counting;
using testing::error_of;
using testing::gzip_of;
using testing::idx_of;
using testing::put;
using testing::says;
using testing::TempFolder;

std::vector<std::uint8_t> bytes_of(const Dataset& set) {
  std::vector<std::uint8_t> pixels(set.size() * set.shape()[0] *
                                   set.shape()[1] * set.shape()[2]);
  Output output = Output::of(std::span(pixels));
  set.read(0, set.size(), output);
  CHECK(output.written == pixels.size());
  return pixels;
}

/// MNIST's four files: 3 training images from 0 on, 2 test images from 100 on.
struct MnistNames {
  const char *train_images, *train_labels, *test_images, *test_labels;
};
constexpr MnistNames kDash{"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
constexpr MnistNames kDot{"train-images.idx3-ubyte", "train-labels.idx1-ubyte",
                          "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"};

void put_mnist(const TempFolder& folder, const MnistNames& names, bool gzip) {
  const auto write = [&](const std::string& name,
                         const std::vector<std::byte>& bytes) {
    put(folder / (name + (gzip ? ".gz" : "")), gzip ? gzip_of(bytes) : bytes);
  };
  write(names.train_images, idx_of({3, 2, 2}, counting(12)));
  write(names.train_labels, idx_of({3}, std::vector<std::uint8_t>{4, 0, 9}));
  write(names.test_images, idx_of({2, 2, 2}, counting(8, 100)));
  write(names.test_labels, idx_of({2}, std::vector<std::uint8_t>{1, 1}));
}

TEST_CASE("a folder with MNIST's names: training set, /train and /test") {
  for (const bool gzip : {false, true})
    for (const MnistNames& names : {kDash, kDot}) {
      const TempFolder folder;
      put_mnist(folder, names, gzip);
      for (const char* name : {"", "/", "/train", "/train/"}) {
        CAPTURE(name);
        const Dataset train = Dataset::open(folder.path() + name);
        CHECK(train.shape() == Shape{1, 2, 2});
        CHECK(bytes_of(train) == counting(12));
        CHECK(std::vector(train.labels().begin(), train.labels().end()) ==
              std::vector<std::int32_t>{4, 0, 9});
        CHECK(train.classes() == 10);
        CHECK(train.type() == ElementType::uint8);
      }
      const Dataset test = Dataset::open(folder / "test");
      CHECK(bytes_of(test) == counting(8, 100));
      CHECK(test.classes() == 2);
    }
}

TEST_CASE("a set without its labels file has images only") {
  const TempFolder folder;
  put(folder / "train-images-idx3-ubyte", idx_of({3, 2, 2}, counting(12)));
  const Dataset train = Dataset::open(folder.path());
  CHECK(train.size() == 3);
  CHECK(train.labels().empty());
  CHECK(train.classes() == 0);
  says(error_of(Status::file, [&] { Dataset::open(folder / "test"); }),
       "No such file");
}

TEST_CASE("a folder with only the test files is not a training set") {
  const TempFolder folder;
  put(folder / "t10k-images-idx3-ubyte", idx_of({2, 2, 2}, counting(8)));
  CHECK(Dataset::open(folder / "test").size() == 2);
  says(error_of(Status::file, [&] { Dataset::open(folder.path()); }),
       "append /test");
}

TEST_CASE("a number of labels that is not that of the images is refused") {
  const TempFolder folder;
  put_mnist(folder, kDash, false);
  put(folder / kDash.train_labels, idx_of({4}, counting(4)));
  const std::string text =
      error_of(Status::format, [&] { Dataset::open(folder.path()); });
  says(text, kDash.train_labels);
  says(text, "4 labels for 3 images");
}

TEST_CASE("one IDX file, with labels from another") {
  const TempFolder folder;
  put_mnist(folder, kDash, true);
  const std::string images = folder / "t10k-images-idx3-ubyte.gz";
  CHECK(Dataset::open(images).labels().empty());
  const Dataset set =
      Dataset::open(images, folder / "t10k-labels-idx1-ubyte.gz");
  CHECK(bytes_of(set) == counting(8, 100));
  CHECK(set.labels().size() == 2);
  says(
      error_of(Status::argument, [&] { Dataset::open(folder.path(), images); }),
      "which brings its own");
  says(error_of(Status::argument,
                [&] { Dataset::open(folder / "test", images); }),
       "which brings its own");
}

TEST_CASE("folders of pictures: train and test, or the folder itself") {
  const TempFolder folder;
  const auto png = [](std::uint8_t value) {
    return io::write_png({1, 1, 2, {value, value}});
  };
  put(folder / "train/cat/1.png", png(1));
  put(folder / "train/dog/1.png", png(2));
  put(folder / "test/dog/1.png", png(3));
  const Dataset train = Dataset::open(folder.path());
  CHECK(bytes_of(train) == std::vector<std::uint8_t>{1, 1, 2, 2});
  CHECK(train.classes() == 2);
  CHECK(bytes_of(Dataset::open(folder / "train")) == bytes_of(train));
  CHECK(bytes_of(Dataset::open(folder / "test/")) ==
        std::vector<std::uint8_t>{3, 3});
  CHECK(Dataset::open(folder / "train/cat").labels().empty());
}

TEST_CASE("a path to nothing is an error that names it") {
  const TempFolder folder;
  says(error_of(Status::file, [&] { Dataset::open(folder / "none"); }),
       folder / "none");
  says(error_of(Status::file, [&] { Dataset::open(folder / "train"); }),
       "No such file");
  error_of(Status::file, [] { Dataset::open(""); });
}

TEST_CASE("the real images in the tests") {
  const Dataset train = Dataset::open(VAE_TEST_DATA "/fashion-small");
  CHECK(train.size() == 2000);
  CHECK(train.shape() == Shape{1, 28, 28});
  CHECK(train.classes() == 10);
  CHECK(train.labels()[0] == 9);  // the set's famous first image, a boot
  const auto pixels = bytes_of(train);
  // Of the whole set's first 2,000 images, computed from the source file.
  CHECK(std::accumulate(pixels.begin(), pixels.end(), std::uint64_t{0}) ==
        113'529'887);
  const Dataset test = Dataset::open(VAE_TEST_DATA "/fashion-small/test");
  CHECK(test.size() == 500);
  CHECK(test.labels().size() == 500);
}

TEST_CASE("memory is copied in its own type, channels last too") {
  std::vector<float> rows(2 * 3 * 4);
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i] = static_cast<float>(i) * 0.5f - 3.0f;
  const std::vector<std::int32_t> labels{3, 0};
  const Dataset set =
      Dataset::from_memory(Batch::of(rows, 2), {3, 2, 2}, labels);
  const std::vector<float> before = rows;
  std::fill(rows.begin(), rows.end(), 0.0f);
  CHECK(set.type() == ElementType::float32);
  CHECK(set.classes() == 4);
  std::vector<float> back(24);
  Output output = Output::of(std::span(back));
  set.read(0, 2, output);
  CHECK(back == before);

  std::vector<float> last(24);
  output = Output::of(std::span(last));
  output.layout = Layout::hwc;
  set.read(0, 2, output);
  CHECK(last[1] == before[4]);  // second channel of the first pixel
  Batch batch = Batch::of(last, 2);
  batch.layout = Layout::hwc;
  const Dataset again = Dataset::from_memory(batch, {3, 2, 2});
  output = Output::of(std::span(back));
  again.read(0, 2, output);
  CHECK(back == before);
}

TEST_CASE("reading converts: bytes are divided by 255, floats rounded") {
  const std::vector<std::uint8_t> bytes{0, 1, 128, 255};
  const Dataset set = Dataset::from_memory(Batch::of(bytes, 2), {1, 1, 2});
  std::vector<float> floats(2);
  Output output = Output::of(std::span(floats));
  set.read(1, 1, output);
  CHECK(floats == std::vector<float>{128.0f / 255.0f, 1.0f});
  CHECK(output.written == 8);

  const std::vector<float> values{-1.0f, 0.5f / 255, 0.4f / 255, 2.0f};
  const Dataset real = Dataset::from_memory(Batch::of(values, 2), {1, 1, 2});
  CHECK(bytes_of(real) == std::vector<std::uint8_t>{0, 1, 0, 255});
}

TEST_CASE("errors of from_memory name the bad value") {
  std::vector<float> rows(8, 0.5f);
  const auto refuse = [&](Status status, const Batch& batch, const Shape& shape,
                          std::vector<std::int32_t> labels = {}) {
    return error_of(status,
                    [&] { Dataset::from_memory(batch, shape, labels); });
  };
  says(refuse(Status::too_small, Batch::of(rows, 3), {1, 2, 2}), "32 bytes");
  says(refuse(Status::argument, Batch::of(rows, 0), {1, 2, 2}), "count is 0");
  says(refuse(Status::argument, Batch::of(rows, 2), {1, 2, 0}), "1x2x0");
  says(refuse(Status::argument, Batch::of(rows, 1),
              {0xffffffff, 0xffffffff, 0xffffffff}),
       "2^32");
  says(refuse(Status::argument, Batch::of(rows, 2), {1, 2, 2}, {1}),
       "1 labels for 2 images");
  says(refuse(Status::argument, Batch::of(rows, 2), {1, 2, 2}, {1, -1}),
       "label 1 is -1");
  Batch batch = Batch::of(rows, 2);
  batch.count = std::numeric_limits<std::uint64_t>::max() / 2;
  says(refuse(Status::argument, batch, {1, 2, 2}), "exceed the address space");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          -std::numeric_limits<float>::infinity()}) {
    rows[6] = bad;
    says(refuse(Status::argument, Batch::of(rows, 2), {1, 2, 2}),
         "element 2 of row 1");
  }
}

TEST_CASE("errors of read name the bad value, and nothing is written") {
  const Dataset set =
      Dataset::from_memory(Batch::of(counting(12), 3), {1, 2, 2});
  std::vector<std::uint8_t> pixels(12, 77);
  Output output = Output::of(std::span(pixels));
  const auto refuse = [&](Status status, std::uint64_t first,
                          std::uint64_t count) {
    return error_of(status, [&] { set.read(first, count, output); });
  };
  constexpr auto kHuge = std::numeric_limits<std::uint64_t>::max();
  says(refuse(Status::argument, 2, 2), "the dataset has 0 to 3");
  refuse(Status::argument, 4, 0);
  refuse(Status::argument, 1, kHuge);
  refuse(Status::argument, kHuge, 1);
  output.bytes = 11;
  says(refuse(Status::too_small, 0, 3), "take 12");
  output.bytes = 12;
  output.type = ElementType::int64;
  says(refuse(Status::argument, 0, 1), "type is 3");
  output.type = ElementType::uint8;
  output.device = DeviceKind::cuda;
  says(refuse(Status::argument, 0, 1), "device is 2");
  output.device = DeviceKind::cpu;
  output.data = nullptr;
  says(refuse(Status::argument, 0, 1), "null");
  CHECK(pixels == std::vector<std::uint8_t>(12, 77));
  CHECK(output.written == 0);
  set.read(3, 0, output);
  CHECK(output.written == 0);
}

TEST_CASE("copies share the images") {
  const Dataset set =
      Dataset::from_memory(Batch::of(counting(4), 1), {1, 2, 2});
  const Dataset copy = set;
  CHECK(copy.shared() == set.shared());
}

}  // namespace
}  // namespace vae
