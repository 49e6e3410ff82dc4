// See png.hpp. libpng reports errors by longjmp, which must not skip a
// destructor. So a function that calls setjmp has only plain data, and its
// caller owns the memory. Callbacks must not throw, because libpng's C frames
// cannot be unwound.
#include "io/png.hpp"

#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>

#include "base/check.hpp"

namespace vae::io {
namespace {

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;
constexpr std::uint32_t kMaxSide = 1'000'000;  // libpng's own default

/// Fixed size: recording an error must not allocate.
struct Problem {
  char text[160] = {};
};

/// libpng expects that this does not return.
void on_error(png_structp png, png_const_charp text) {
  auto* problem = static_cast<Problem*>(png_get_error_ptr(png));
  std::snprintf(problem->text, sizeof problem->text, "%s", text);
  png_longjmp(png, 1);
}

/// By default libpng prints warnings; the library never prints.
void on_warning(png_structp, png_const_charp) {}

/// The bytes that were not read yet.
struct Source {
  std::span<const std::byte> bytes;
};

void on_read(png_structp png, png_bytep to, png_size_t count) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (count > source->bytes.size()) png_error(png, "file is truncated");
  std::memcpy(to, source->bytes.data(), count);
  source->bytes = source->bytes.subspan(count);
}

/// False if memory is exhausted.
bool append(std::vector<std::byte>& out, const png_byte* from,
            std::size_t count) noexcept {
  try {
    const auto* bytes = reinterpret_cast<const std::byte*>(from);
    out.insert(out.end(), bytes, bytes + count);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void on_write(png_structp png, png_bytep from, png_size_t count) {
  auto* out = static_cast<std::vector<std::byte>*>(png_get_io_ptr(png));
  if (!append(*out, from, count)) png_error(png, "out of memory");
}

void on_flush(png_structp) {}

/// libpng's read structures, freed on every path.
struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  explicit Reader(Problem& problem)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &problem, on_error,
                                   on_warning)) {
    if (png != nullptr) info = png_create_info_struct(png);
    if (info != nullptr) return;
    png_destroy_read_struct(&png, nullptr, nullptr);
    throw std::bad_alloc();
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

/// libpng's write structures, freed on every path.
struct Writer {
  png_structp png = nullptr;
  png_infop info = nullptr;
  explicit Writer(Problem& problem)
      : png(png_create_write_struct(PNG_LIBPNG_VER_STRING, &problem, on_error,
                                    on_warning)) {
    if (png != nullptr) info = png_create_info_struct(png);
    if (info != nullptr) return;
    png_destroy_write_struct(&png, nullptr);
    throw std::bad_alloc();
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

/// Reads up to the first pixel and requests 8-bit grey or RGB.
bool begin_read(png_structp png, png_infop info, Source* source) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_read_fn(png, source, on_read);
  // Checked by png_read_info(), before the picture's memory is allocated.
  png_set_user_limits(png, kMaxSide, kMaxSide);
  png_read_info(png, info);
  png_set_expand(png);  // palette to RGB, fewer than 8 bits to 8
  png_set_scale_16(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return true;
}

/// Fills the rows; false with a text in Problem.
bool read_pixels(png_structp png, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

/// Compresses the rows to `out`; false with a text in Problem.
bool write_pixels(png_structp png, png_infop info, const Picture* picture,
                  png_bytepp rows, std::vector<std::byte>* out) {
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_write_fn(png, out, on_write, on_flush);
  png_set_IHDR(
      png, info, picture->width, picture->height, 8,
      picture->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
      PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
      PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  png_write_image(png, rows);
  png_write_end(png, nullptr);
  return true;
}

// libpng takes one pointer per row of [height, width, channels].
std::vector<png_bytep> row_pointers(const Picture& picture) {
  const std::size_t stride = std::size_t{picture.width} * picture.channels;
  std::vector<png_bytep> rows(picture.height);
  for (std::size_t y = 0; y < rows.size(); ++y)  // libpng's rows lack const
    rows[y] = const_cast<png_bytep>(picture.pixels.data()) + y * stride;
  return rows;
}

std::uint64_t picture_bytes(const Picture& picture) {
  return std::uint64_t{picture.channels} * picture.height * picture.width;
}

}  // namespace

// Two setjmp functions, because the vector between them needs a destructor.
Picture read_png(std::span<const std::byte> bytes, const std::string& origin) {
  Problem problem;
  Source source{bytes};
  Reader reader(problem);
  require(begin_read(reader.png, reader.info, &source), Status::format, origin,
          " is not a readable PNG: ", problem.text);
  Picture picture{png_get_channels(reader.png, reader.info),
                  png_get_image_height(reader.png, reader.info),
                  png_get_image_width(reader.png, reader.info),
                  {}};
  const std::uint64_t needed = picture_bytes(picture);
  require(needed <= kMaxBytes, Status::format, origin, " is a PNG of ",
          picture.width, "x", picture.height, " pixels, ", needed,
          " bytes; at most ", kMaxBytes, " are allowed");
  picture.pixels.resize(needed);
  std::vector<png_bytep> rows = row_pointers(picture);
  require(read_pixels(reader.png, rows.data()), Status::format, origin,
          " is not a readable PNG: ", problem.text);
  return picture;
}

std::vector<std::byte> write_png(const Picture& picture) {
  require(picture.channels == 1 || picture.channels == 3, Status::argument,
          "a picture of ", picture.channels,
          " channels cannot be a PNG; 1 and 3 are allowed");
  require(picture.height >= 1 && picture.height <= kMaxSide &&
              picture.width >= 1 && picture.width <= kMaxSide,
          Status::argument, "a picture of ", picture.width, "x", picture.height,
          " pixels cannot be a PNG; sides of 1 to ", kMaxSide, " are allowed");
  require(picture.pixels.size() == picture_bytes(picture), Status::argument,
          "a picture of ", picture_bytes(picture), " bytes has ",
          picture.pixels.size());
  Problem problem;
  std::vector<std::byte> out;
  Writer writer(problem);
  std::vector<png_bytep> rows = row_pointers(picture);
  if (!write_pixels(writer.png, writer.info, &picture, rows.data(), &out))
    fail(Status::internal, "libpng: ", problem.text);
  return out;
}

}  // namespace vae::io
