// Safetensors: round trips, and an error with the reason for every kind of
// invalid file. tests/reference/safetensors_interop.py compares with the
// format's own implementation.
#include "io/safetensors.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "unit/testing.hpp"

namespace vae::io {
namespace {

using testing::error_of;
using testing::says;
using testing::to_bytes;

/// A file of this header and so many bytes of data 0, 1, 2, …
std::vector<std::byte> file_of(const std::string& header, std::size_t data) {
  std::vector<std::byte> bytes(8);
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  const auto text = to_bytes(header);
  bytes.insert(bytes.end(), text.begin(), text.end());
  for (std::size_t i = 0; i < data; ++i)
    bytes.push_back(static_cast<std::byte>(i));
  return bytes;
}

std::string refusal(const std::string& header, std::size_t data) {
  const std::string text = error_of(Status::format, [&] {
    read_safetensors(file_of(header, data), "bad.safetensors");
  });
  CHECK(text.starts_with("bad.safetensors"));
  return text;
}

Tensor floats(std::vector<std::int64_t> shape, std::vector<float> values) {
  Tensor tensor{"F32", std::move(shape), {}};
  tensor.data.resize(values.size() * sizeof(float));
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

TEST_CASE("no length of a header is mistaken for a file of PyTorch") {
  // 640 is 0x280: the bytes with which a pickle begins.
  for (const std::size_t length : {639u, 640u, 641u}) {
    std::string header = R"({"a":{"dtype":"U8","shape":[1],)"
                         R"("data_offsets":[0,1]}})";
    header.resize(length, ' ');
    CHECK_EQ(read_safetensors(file_of(header, 1), "x").tensors.size(), 1);
  }
  const auto old = to_bytes(
      "\x80\x02\x8a\x0al\xfc\x9c"
      "F\xf9 and more");
  says(error_of(Status::format, [&] { read_safetensors(old, "x"); }),
       "torch.save()");
}

TEST_CASE("tensors and metadata round-trip") {
  TensorFile file;
  file.metadata = {{"format", "pt"}, {"text", "\"quoted\"\n\u00e4\u4e2d"}};
  file.tensors["b"] = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  file.tensors["a.scalar"] = {"I64", {}, std::vector<std::byte>(8)};
  file.tensors["empty"] = {"F32", {0, 5}, {}};
  file.tensors["byte"] = {"U8", {3}, to_bytes("xyz")};
  const auto bytes = write_safetensors(file);
  const TensorFile back = read_safetensors(bytes, "x");
  CHECK(back.metadata == file.metadata);
  REQUIRE(back.tensors.size() == 4);
  for (const auto& [name, tensor] : file.tensors) {
    CAPTURE(name);
    CHECK(back.tensors.at(name).dtype == tensor.dtype);
    CHECK(back.tensors.at(name).shape == tensor.shape);
    CHECK(back.tensors.at(name).data == tensor.data);
  }
  CHECK(write_safetensors(back) == bytes);
}

TEST_CASE("a file without tensors or metadata is valid") {
  const auto bytes = write_safetensors({});
  CHECK(bytes.size() == 16);
  const TensorFile back = read_safetensors(bytes, "x");
  CHECK(back.tensors.empty());
  CHECK(back.metadata.empty());
}

TEST_CASE("the bytes are the format's: length, JSON, padding, data by size") {
  TensorFile file;
  file.tensors["a"] = {"U8", {1}, to_bytes("z")};
  file.tensors["b"] = floats({1}, {1});
  const auto bytes = write_safetensors(file);
  const std::string json =
      R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("a":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}})";
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  std::string header = json;
  header.resize(length, ' ');
  CHECK(length < json.size() + 8);
  auto expected = file_of(header, 0);
  for (const int byte : {0x00, 0x00, 0x80, 0x3f, 0x7a})
    expected.push_back(static_cast<std::byte>(byte));
  CHECK(bytes == expected);
}

TEST_CASE("tensors that cannot be written are errors") {
  const auto refuse = [](const TensorFile& file) {
    return error_of(Status::argument, [&] { write_safetensors(file); });
  };
  says(refuse({{}, {{"w", {"F32", {2}, to_bytes("1234")}}}}), "[2] has 4");
  says(refuse({{}, {{"w", {"F32", {-1}, {}}}}}), "[-1]");
  says(refuse({{}, {{"w", {"X99", {}, {}}}}}), "X99");
  says(refuse({{}, {{"__metadata__", {"U8", {0}, {}}}}}), "__metadata__");
  refuse({{{"key", "\xff\xfe"}}, {}});
  refuse({{}, {{"\xc3", {"U8", {0}, {}}}}});
}

TEST_CASE("a header with other spacing, order and escapes is read") {
  const TensorFile file = read_safetensors(
      file_of("{ \"w\\u0031\" : {\"data_offsets\":[0, 2],\n\"shape\":[2],"
              "\"dtype\":\"U8\"}, \"__metadata__\":{}}   \n",
              2),
      "x");
  CHECK(file.tensors.at("w1").data == to_bytes(std::string_view("\0\1", 2)));
}

TEST_CASE("every truncation is refused") {
  TensorFile file;
  file.tensors["w"] = floats({3}, {1, 2, 3});
  const auto bytes = write_safetensors(file);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    error_of(Status::format,
             [&] { read_safetensors(std::span(bytes).first(size), "cut"); });
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  says(error_of(Status::format, [&] { read_safetensors(longer, "x"); }),
       "1 bytes after the last tensor");
}

TEST_CASE("a wrong header length is an error") {
  for (const std::uint64_t length :
       {std::uint64_t{100}, std::uint64_t{100'000'001},
        std::numeric_limits<std::uint64_t>::max(),
        std::numeric_limits<std::uint64_t>::max() - 7}) {
    auto bytes = file_of("{}", 0);
    std::memcpy(bytes.data(), &length, 8);
    says(error_of(Status::format, [&] { read_safetensors(bytes, "x"); }),
         std::to_string(length));
  }
  says(error_of(Status::format, [] { read_safetensors({}, "x"); }), "0 bytes");
  says(refusal("", 0), "does not begin with '{'");
  says(refusal(" {}", 0), "does not begin with '{'");
}

TEST_CASE("JSON other than a header is an error") {
  for (const char* header : {"{",
                             "{}{}",
                             "{]",
                             "{\"a\"}",
                             "{\"a\":}",
                             "{\"a\":1}",
                             "{\"a\":null}",
                             "{\"a\":[]}",
                             "{\"a\":\"b\"}",
                             "{\"a\":true}",
                             "{\"a\":-1}",
                             "{\"a\":1.5}",
                             "{\"a\":{}}",
                             "{\"\xff\":{}}",
                             "{\"a\":{\"dtype\":1}}",
                             "{\"a\":{\"dtype\":{}}}",
                             "{\"a\":{\"dtype\":[]}}",
                             "{\"a\":{\"shape\":1}}",
                             "{\"a\":{\"shape\":[[1]]}}",
                             "{\"a\":{\"shape\":[-1]}}",
                             "{\"a\":{\"shape\":[1.0]}}",
                             "{\"a\":{\"shape\":[\"1\"]}}",
                             "{\"a\":{\"shape\":[1e3]}}",
                             "{\"a\":{\"data_offsets\":[null,1]}}",
                             "{\"a\":{\"shape\":[18446744073709551616]}}",
                             "{\"a\":{\"shape\":[9223372036854775808]}}"}) {
    CAPTURE(header);
    refusal(header, 0);
  }
}

const std::string kGood = R"("dtype":"U8","shape":[2],"data_offsets":[0,2])";

TEST_CASE("an entry must have its three fields, once, and no others") {
  CHECK(read_safetensors(file_of("{\"w\":{" + kGood + "}}", 2), "x")
            .tensors.size() == 1);
  says(refusal(R"({"w":{"dtype":"U8","shape":[2]}})", 2), "lacks one of");
  says(refusal("{\"w\":{" + kGood + R"(,"dtype":"U8"}})", 2), "dtype twice");
  says(refusal("{\"w\":{" + kGood + R"(,"shape":[2]}})", 2), "shape twice");
  says(refusal("{\"w\":{" + kGood + R"(,"more":1}})", 2), "field 'more'");
  for (const char* offsets : {"[]", "[0]", "[0,2,2]"})
    says(refusal(R"({"w":{"dtype":"U8","shape":[2],"data_offsets":)" +
                     std::string(offsets) + "}}",
                 2),
         "instead of 2");
}

TEST_CASE("names appear once, escaped or not") {
  const std::string twice =
      "{\"w\":{" + kGood + "},\"\\u0077\":{" + kGood + "}}";
  says(refusal(twice, 2), "'w' appears twice");
  says(refusal(R"({"__metadata__":{},"__metadata__":{}})", 0), "appears twice");
  says(refusal(R"({"__metadata__":{"k":"1","k":"2"}})", 0),
       "'k' appears twice");
}

TEST_CASE("metadata is strings") {
  for (const char* value : {"1", "null", "true", "{}", "[]", "1.5", "-1"}) {
    CAPTURE(value);
    says(refusal(std::string(R"({"__metadata__":{"k":)") + value + "}}", 0),
         "object of strings");
    if (value != std::string("{}"))
      says(refusal(std::string(R"({"__metadata__":)") + value + "}", 0),
           "object of strings");
  }
}

TEST_CASE("offsets stay inside the data and fit shape and type") {
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape +
           R"(,"data_offsets":)" + offsets + "}}";
  };
  says(refusal(entry("U8", "[3]", "[0,3]"), 2), "has data for 0 to 2");
  says(refusal(entry("U8", "[2]", "[2,0]"), 2), "bytes 2 to 0");
  says(refusal(entry("U8", "[3]", "[0,2]"), 2), "does not fit");
  says(refusal(entry("F32", "[2]", "[0,2]"), 2), "does not fit");
  says(refusal(entry("F32", "[]", "[0,2]"), 2), "does not fit");
  says(refusal(entry("F99", "[2]", "[0,2]"), 2), "unknown type 'F99'");
  says(refusal(entry("U8", "[2]", "[18446744073709551614,0]"), 2),
       "bytes 18446744073709551614");
  // Products that wrap to 0 or 2 in 64 bits.
  for (const char* shape :
       {"[4294967296,4294967296]", "[9223372036854775807,2,2]",
        "[4611686018427387904,4]", "[9223372036854775807,9223372036854775807]"})
    says(refusal(entry("U8", shape, "[0,0]"), 0), "does not fit");
  says(refusal(entry("F64", "[2305843009213693952]", "[0,0]"), 0),
       "does not fit");
  // A zero among them makes it empty, whatever the others.
  CHECK(read_safetensors(
            file_of(entry("U8", "[9223372036854775807,3,0]", "[0,0]"), 0), "x")
            .tensors.at("w")
            .data.empty());
}

TEST_CASE("tensors cover the data without gaps and overlaps") {
  const auto entry = [](const std::string& name, int begin, int end) {
    return "\"" + name + R"(":{"dtype":"U8","shape":[)" +
           std::to_string(end - begin) + R"(],"data_offsets":[)" +
           std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  const auto two = [&](int b1, int e1, int b2, int e2) {
    return "{" + entry("a", b1, e1) + "," + entry("b", b2, e2) + "}";
  };
  CHECK(read_safetensors(file_of(two(2, 4, 0, 2), 4), "x")
            .tensors.at("a")
            .data[0] == std::byte{2});
  says(refusal(two(0, 2, 3, 4), 4), "'b' begins at byte 3");
  says(refusal(two(0, 2, 1, 3), 3), "'b' begins at byte 1");
  says(refusal(two(0, 2, 0, 2), 2), "begins at byte 0");
  says(refusal(two(1, 2, 2, 4), 4), "begins at byte 1");
  says(refusal(two(0, 1, 1, 2), 4), "2 bytes after the last");
  says(refusal("{}", 4), "4 bytes after the last");
}

TEST_CASE("depth and rank are bounded") {
  refusal("{\"a\":" + std::string(100'000, '['), 0);
  std::string deep = "{\"a\":";
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  refusal(deep, 0);
  std::string shape = "1";
  for (int i = 0; i < 64; ++i) shape += ",1";
  says(refusal(R"({"w":{"dtype":"U8","shape":[)" + shape +
                   R"(],"data_offsets":[0,1]}})",
               1),
       "more than 64 dimensions");
}

TEST_CASE("elements become floats") {
  CHECK(to_float(floats({2}, {1.5f, -2}), "w", "x") ==
        std::vector<float>{1.5f, -2});
  const double wide[] = {0.1, 1e300};
  Tensor tensor{"F64", {2}, std::vector<std::byte>(16)};
  std::memcpy(tensor.data.data(), wide, 16);
  CHECK(to_float(tensor, "w", "x")[0] == 0.1f);
  CHECK(std::isinf(to_float(tensor, "w", "x")[1]));
  says(error_of(Status::format,
                [] {
                  to_float({"I64", {0}, {}}, "steps", "x");
                }),
       "x: tensor 'steps' has the type I64; F32");
}

TEST_CASE("half and bfloat16 are exact") {
  const auto convert = [](const char* dtype, std::uint16_t bits) {
    Tensor tensor{dtype, {1}, std::vector<std::byte>(2)};
    std::memcpy(tensor.data.data(), &bits, 2);
    return to_float(tensor, "w", "x")[0];
  };
  CHECK(convert("BF16", 0x3f80) == 1.0f);
  CHECK(convert("BF16", 0xc049) == -3.140625f);
  CHECK(convert("F16", 0x3c00) == 1.0f);
  CHECK(convert("F16", 0xc248) == -3.140625f);
  CHECK(convert("F16", 0x7bff) == 65504.0f);
  CHECK(convert("F16", 0x0001) == 0x1p-24f);
  CHECK(convert("F16", 0x83ff) == -0x3ffp-24f);
  CHECK(convert("F16", 0x0400) == 0x1p-14f);
  CHECK(std::signbit(convert("F16", 0x8000)));
  CHECK(convert("F16", 0xfc00) == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(convert("F16", 0x7e00)));
}

}  // namespace
}  // namespace vae::io
