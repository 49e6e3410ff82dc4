// See safetensors_header.hpp. Parses the header as a stream of JSON events
// without building a tree, so memory is bounded by the file, and depth,
// duplicate keys and wrong types are detected at once. The grammar:
//   {"__metadata__": {"key": "text", ...},
//    "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
#include "io/safetensors_header.hpp"

#include <limits>
#include <set>

#include "base/check.hpp"
#include "base/json.hpp"

namespace vae::io {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kMetadata = "__metadata__";
constexpr std::size_t kMaxRank = 64;  // a bound for an untrusted file

/// Receives events from nlohmann's parser. An event that returns false stops
/// the parser; problem() then gives the reason.
class HeaderEvents : public nlohmann::json_sax<Json> {
 public:
  TensorHeader header;

  const std::string& problem() const { return problem_; }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t value) override {
    return unexpected(join("the number ", value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    return unexpected("the number " + text);
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  // The only numbers of the format: sides of a shape, and offsets.
  bool number_unsigned(number_unsigned_t value) override {
    if (expect_ == Expect::in_shape) return add_side(value);
    if (expect_ == Expect::in_offsets) return add_offset(value);
    return unexpected(join("the number ", value));
  }

  bool string(string_t& value) override {
    if (expect_ == Expect::metadata_value) {
      header.metadata[key_] = std::move(value);
      expect_ = Expect::in_metadata;
      return true;
    }
    if (expect_ != Expect::dtype) return unexpected("a string");
    header.entries.back().dtype = std::move(value);
    expect_ = Expect::in_tensor;
    return true;
  }

  bool start_object(std::size_t) override {
    switch (expect_) {
      case Expect::start:
        expect_ = Expect::in_header;
        return true;
      case Expect::tensor:
        expect_ = Expect::in_tensor;
        fields_ = {};
        return true;
      case Expect::metadata:
        expect_ = Expect::in_metadata;
        return true;
      default:
        return unexpected("an object");
    }
  }

  bool end_object() override {
    if (expect_ == Expect::in_header) {
      expect_ = Expect::done;
      return true;
    }
    if (expect_ == Expect::in_tensor &&
        !(fields_.dtype && fields_.shape && fields_.offsets))
      return refuse("tensor '" + header.entries.back().name +
                    "' lacks one of dtype, shape and data_offsets");
    expect_ = Expect::in_header;
    return true;
  }

  bool start_array(std::size_t) override {
    if (expect_ == Expect::shape)
      expect_ = Expect::in_shape;
    else if (expect_ == Expect::offsets)
      expect_ = Expect::in_offsets;
    else
      return unexpected("an array");
    return true;
  }

  bool end_array() override {
    if (expect_ == Expect::in_offsets && offset_count_ != 2)
      return refuse(join("data_offsets of tensor '", header.entries.back().name,
                         "' has ", offset_count_, " numbers instead of 2"));
    expect_ = Expect::in_tensor;
    return true;
  }

  bool key(string_t& name) override {
    if (expect_ == Expect::in_header) return header_key(name);
    if (expect_ == Expect::in_tensor) return tensor_key(name);
    if (header.metadata.count(name) > 0)
      return refuse("metadata key '" + name + "' appears twice");
    // Inserted before its value is known, so that a second one is found above.
    header.metadata[name];
    key_ = std::move(name);
    expect_ = Expect::metadata_value;
    return true;
  }

  bool parse_error(std::size_t, const std::string&,
                   const Json::exception& error) override {
    return refuse(json_problem(error));
  }

 private:
  // State of the parser: outside, or the kind of value expected next.
  enum class Expect {
    start,
    in_header,
    tensor,
    in_tensor,
    dtype,
    shape,
    in_shape,
    offsets,
    in_offsets,
    metadata,
    in_metadata,
    metadata_value,
    done
  };
  /// The fields of the current tensor that were read.
  struct Fields {
    bool dtype = false, shape = false, offsets = false;
  };

  /// Stops the parser.
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  /// Stops the parser with a text that says what belongs at this position.
  bool unexpected(const std::string& what) {
    if (expect_ == Expect::metadata_value || expect_ == Expect::metadata)
      return refuse("metadata holds " + what + "; it is an object of strings");
    if (expect_ == Expect::start) return refuse(what + " instead of an object");
    const std::string where =
        header.entries.empty()
            ? ""
            : " of tensor '" + header.entries.back().name + "'";
    switch (expect_) {
      case Expect::dtype:
        return refuse("dtype" + where + " is " + what + ", not a string");
      case Expect::shape:
      case Expect::in_shape:
        return refuse("shape" + where + " holds " + what +
                      "; it is an array of whole numbers >= 0");
      case Expect::offsets:
      case Expect::in_offsets:
        return refuse("data_offsets" + where + " holds " + what +
                      "; it is an array of two whole numbers >= 0");
      default:
        return refuse("the entry" + where + " is " + what + ", not an object");
    }
  }

  /// The name of a tensor, or __metadata__.
  bool header_key(string_t& name) {
    if (!names_.insert(name).second)
      return refuse("the name '" + name + "' appears twice");
    if (name == kMetadata) {
      expect_ = Expect::metadata;
      return true;
    }
    header.entries.emplace_back();
    header.entries.back().name = std::move(name);
    expect_ = Expect::tensor;
    return true;
  }

  /// The name of a tensor's field.
  bool tensor_key(const string_t& name) {
    if (name == "dtype") return field(fields_.dtype, Expect::dtype, name);
    if (name == "shape") return field(fields_.shape, Expect::shape, name);
    offset_count_ = 0;
    if (name == "data_offsets")
      return field(fields_.offsets, Expect::offsets, name);
    return refuse("tensor '" + header.entries.back().name +
                  "' has the unknown field '" + name + "'");
  }

  /// Accepts a field once.
  bool field(bool& found, Expect next, const string_t& name) {
    if (found)
      return refuse("tensor '" + header.entries.back().name + "' has " + name +
                    " twice");
    found = true;
    expect_ = next;
    return true;
  }

  bool add_side(number_unsigned_t value) {
    TensorEntry& entry = header.entries.back();
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    if (value > static_cast<number_unsigned_t>(kMax))
      return refuse(join("shape of tensor '", entry.name, "' holds ", value,
                         "; at most ", kMax, " is allowed"));
    if (entry.shape.size() == kMaxRank)
      return refuse(join("tensor '", entry.name, "' has more than ", kMaxRank,
                         " dimensions"));
    entry.shape.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool add_offset(number_unsigned_t value) {
    TensorEntry& entry = header.entries.back();
    if (++offset_count_ == 1) entry.begin = value;
    if (offset_count_ == 2) entry.end = value;
    return true;
  }

  Expect expect_ = Expect::start;
  Fields fields_;
  std::size_t offset_count_ = 0;
  std::string key_, problem_;
  std::set<std::string> names_;
};

}  // namespace

// The parser stops at the first problem, so a large invalid header costs
// little.
TensorHeader parse_tensor_header(std::string_view json,
                                 const std::string& origin) {
  HeaderEvents events;
  if (!Json::sax_parse(json.begin(), json.end(), &events))
    fail(Status::format, origin, ": its header is damaged: ", events.problem());
  return std::move(events.header);
}

// Metadata first, as the format's own implementation writes it.
std::string format_tensor_header(const TensorHeader& header) {
  Json json = Json::object();
  if (!header.metadata.empty()) json[kMetadata] = header.metadata;
  // ordered_json is a vector of members; appending avoids its linear search.
  auto& members = json.get_ref<Json::object_t&>();
  for (const TensorEntry& entry : header.entries) {
    Json value = Json::object();
    value["dtype"] = entry.dtype;
    value["shape"] = entry.shape;
    value["data_offsets"] = {entry.begin, entry.end};
    members.push_back({entry.name, std::move(value)});
  }
  try {
    return json.dump();
  } catch (const Json::type_error& error) {
    fail(Status::argument,
         "the header cannot be written: ", json_problem(error));
  }
}

}  // namespace vae::io
