// Error texts about files: each begins with the path, then names the value seen
// and the values allowed.
#include <sys/stat.h>

#include <functional>

#include "unit/gzip_of.hpp"
#include "unit/idx_of.hpp"
#include "unit/testing.hpp"
#include "vae/vae.hpp"

namespace vae {
namespace {

using testing::counting;
using testing::error_of;
using testing::gzip_of;
using testing::idx_of;
using testing::put;
using testing::TempFolder;
using testing::to_bytes;

using Open = void (*)(const std::string& path);

void open_data(const std::string& path) { Dataset::open(path); }
void open_model(const std::string& path) { Trainer::load(path); }
void open_config(const std::string& path) { config_from_file(path); }
void write_numbers(const std::string& path) {
  write_array(path, std::vector<float>{1}, {1});
}

/// `text` is `path` followed by `rest`.
void begins(const std::string& text, const std::string& path,
            const std::string& rest) {
  CHECK_MESSAGE(text.starts_with(path + rest), text, " does not begin with ",
                path + rest);
}

std::vector<std::byte> safetensors_of(const std::string& header) {
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  return to_bytes(bytes + header);
}

TEST_CASE("files with invalid content") {
  const TempFolder folder;
  struct Case {
    Open open;
    std::vector<std::byte> bytes;
    const char* said;
  };
  const auto nine = counting(9);
  std::vector<std::byte> short_gzip = gzip_of(idx_of({1, 3, 3}, nine));
  short_gzip.resize(short_gzip.size() - 9);
  const Case cases[]{
      {open_data, to_bytes("ab"), " has 2 bytes; an IDX file has at least 4"},
      {open_data, to_bytes("\x89PNG...."),
       " is not an IDX file: it begins with 0x89504e47 instead of 0x0000; it "
       "is a "
       "PNG file"},
      {open_data, idx_of({1, 3, 3}, nine, 9),
       " is an IDX file of type 9; 8 (unsigned bytes) is allowed"},
      {open_data, idx_of({9}, nine),
       " is an IDX file of 1 dimensions (labels); images have 3 or 4"},
      {open_data, idx_of({2, 3, 3}, nine), " announces 2x3x3 bytes but has 9"},
      {open_data, short_gzip, ": gzip data is truncated"},
      {open_model, to_bytes("short"),
       " has 5 bytes; a safetensors file has at least 8"},
      {open_model, to_bytes("no file of libvae"),
       " is not a safetensors file: "},
      {open_model, safetensors_of("{\"a\":"),
       ": its header is damaged: parse "},
      {open_model, safetensors_of("{\"a\":1}"),
       ": its header is damaged: the entry of tensor 'a' is the number 1, not "
       "an object"},
      {open_model, safetensors_of(R"({"__metadata__":{"k":"","k":""}})"),
       ": its header is damaged: metadata key 'k' appears twice"},
      {open_model, safetensors_of("{}"), " holds no configuration"},
      {open_model, safetensors_of(R"({"__metadata__":{"vae.format":"9"}})"),
       ": written in format 9; this library reads format 1"},
      {open_model,
       safetensors_of(R"({"__metadata__":{"vae.config":"{\"a\":1}"}})"),
       ": its configuration is damaged: \"a\" is not a field"},
      {open_model, safetensors_of(R"({"__metadata__":{"vae.config":"{}"}})"),
       ": tensor \"encoder.0.weight\" is missing"},
      {open_config, to_bytes(" "), " is empty; "},
      {open_config, to_bytes("latent: 4"), " begins with \"latent: \": "},
      {open_config, to_bytes("{\"latent\": 4,}"),
       ": the configuration is not JSON: parse error at line 1"},
      {open_config, to_bytes(R"({"latent": 4, "latent": 4})"),
       ": the configuration has \"latent\" twice"},
      {open_config, to_bytes("{\"latent\": 0}"), ": latent is 0; allowed are"},
      {open_config, to_bytes("\xff\xfe{"), " is UTF-16 text; "},
  };
  const std::string path = folder / "a file";
  for (const Case& one : cases) {
    put(path, one.bytes);
    try {
      one.open(path);
      FAIL_CHECK("no error was thrown; expected" << one.said);
    } catch (const Error& error) {
      begins(error.what(), path, one.said);
    }
  }
}

TEST_CASE("errors of the operating system include the reason") {
  const TempFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  for (const Open open : {open_data, open_model, open_config}) {
    begins(error_of(Status::file, [&] { open(folder / "none"); }),
           folder / "none", " cannot be read: No such file or directory");
    begins(error_of(Status::file, [&] { open(folder / "pipe"); }),
           folder / "pipe",
           " cannot be read: it is a pipe (FIFO), not a regular file");
    begins(error_of(Status::file, [&] { open(folder / "pipe/x"); }),
           folder / "pipe/x", " cannot be read: Not a directory");
  }
  begins(error_of(Status::file, [&] { open_model(folder.path()); }),
         folder.path(), " cannot be read: Is a directory");
  begins(error_of(Status::file, [&] { write_numbers(folder / "none/x"); }),
         folder / "none/x", " cannot be written: No such file or directory");
  begins(error_of(Status::file, [&] { write_numbers(folder.path()); }),
         folder.path(), " cannot be written: Is a directory");
  begins(error_of(Status::file, [&] { write_numbers("/proc/x.npy"); }),
         "/proc/x.npy", " cannot be written: ");
}

TEST_CASE("errors about folders begin with the path too") {
  const TempFolder folder;
  put(folder / "other/a.txt", {});
  begins(error_of(Status::format, [&] { open_data(folder / "other"); }),
         folder / "other", " holds neither MNIST's files, nor PNG files");
  put(folder / "test/t10k-images-idx3-ubyte", {});
  begins(error_of(Status::file, [&] { open_data(folder / "test"); }),
         folder / "test", " holds MNIST's test files but no train-images");
  put(folder / "pictures/a.png", to_bytes("no picture"));
  begins(error_of(Status::format, [&] { open_data(folder / "pictures"); }),
         folder / "pictures/a.png", " is not a readable PNG: ");
  put(folder / "set/train-images-idx3-ubyte", idx_of({1, 1, 1}, counting(1)));
  put(folder / "set/train-labels-idx1-ubyte", idx_of({2}, counting(2)));
  begins(error_of(Status::format, [&] { open_data(folder / "set"); }),
         folder / "set/train-labels-idx1-ubyte", " has 2 labels for 1 images");
  begins(error_of(Status::argument,
                  [&] { Dataset::open(folder / "set", folder / "labels"); }),
         folder / "labels", ": labels were given with the folder ");
}

}  // namespace
}  // namespace vae
