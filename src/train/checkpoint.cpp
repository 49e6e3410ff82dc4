// See checkpoint.hpp. The whole file is checked before a trainer copies any
// value from it.
#include "train/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.hpp"
#include "base/config_fields.hpp"
#include "base/json.hpp"
#include "io/file.hpp"
#include "train/memory.hpp"
#include "train/trainer_impl.hpp"

namespace vae {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "1";
constexpr const char* kMoment1 = "adam.moment1.";
constexpr const char* kMoment2 = "adam.moment2.";

// Null if the metadata have no such key.
const std::string* find_text(const io::TensorFile& file, const char* key) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? nullptr : &found->second;
}

io::Tensor make_tensor(const std::vector<std::int64_t>& shape,
                       const std::vector<float>& values) {
  io::Tensor tensor{"F32", shape, {}};
  tensor.data.resize(values.size() * sizeof(float));
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

void check_tensor(const io::TensorFile& file, const std::string& name,
                  const std::vector<std::int64_t>& shape,
                  const std::string& origin) {
  const auto found = file.tensors.find(name);
  require(found != file.tensors.end(), Status::format, origin, ": tensor \"",
          name, "\" is missing");
  require(found->second.shape == shape, Status::format, origin, ": tensor \"",
          name, "\" has the shape ", Json(found->second.shape).dump(),
          "; this model's is ", Json(shape).dump());
}

/// The values of a tensor that check_tensor() found; throws unless they are
/// finite.
std::vector<float> take(const io::TensorFile& file, const std::string& name,
                        const std::string& origin) {
  std::vector<float> values = io::to_float(file.tensors.at(name), name, origin);
  const bool square = name.starts_with(kMoment2) || train::is_variance(name);
  const std::string bad = train::find_unusable(values, square);
  require(bad.empty(), Status::format, origin, ": tensor \"", name,
          "\": ", bad);
  return values;
}

/// Rejects tensors that the model does not have, so that a wrong file is not
/// loaded in part.
void check_names(const io::TensorFile& file, const model::Plan& plan,
                 const std::string& origin) {
  for (const auto& [name, tensor] : file.tensors) {
    const bool moment =
        name.starts_with(kMoment1) || name.starts_with(kMoment2);
    const std::string base =
        moment ? name.substr(std::string(kMoment1).size()) : name;
    require(plan.find(base) >= 0 || plan.is_counter(name), Status::format,
            origin, ": tensor \"", name, "\" does not belong to this model");
  }
}

/// A count of vae.progress. Above 2^53 the API's doubles could not represent
/// it.
std::uint64_t count_of(const Json& json, const char* key,
                       const std::string& origin) {
  require(json.contains(key) && json[key].is_number_unsigned(), Status::format,
          origin, ": vae.progress has no count \"", key, "\"");
  const auto value = json[key].get<std::uint64_t>();
  require(value <= std::uint64_t{1} << 53, Status::format, origin,
          ": vae.progress has ", key, " = ", value, ", above 2^53");
  return value;
}

}  // namespace

namespace train {

// A file without "vae.format" is one of PyTorch or another program.
Config config_for(const io::TensorFile& file, const Config* given,
                  const std::string& origin) {
  const std::string* version = find_text(file, "vae.format");
  require(version == nullptr || *version == kFormat, Status::version, origin,
          ": written in format ", version == nullptr ? "" : *version,
          "; this library reads format ", kFormat);
  const std::string* text = find_text(file, "vae.config");
  if (text == nullptr) {
    require(given != nullptr, Status::format, origin,
            " holds no configuration (libvae did not write it); give one");
    return *given;
  }
  Config stored;
  try {
    stored = config_from_json(*text);
  } catch (const Error& error) {
    fail(Status::format, origin,
         ": its configuration is damaged: ", error.what());
  }
  if (given == nullptr) {
    // These settings belong to the machine that trained the model.
    stored.device = DeviceKind::automatic;
    stored.device_index = 0;
    stored.engine = EngineKind::automatic;
    stored.graph = Graph::automatic;
    return stored;
  }
  validate(*given);
  require(same_model(stored, *given), Status::argument, origin,
          ": the configuration given is for another model. In the file: ",
          *text, "; given: ", to_json(*given));
  return *given;
}

// Each parameter; in a checkpoint also its two moments; running statistics.
// Counters may be missing: the trainer counts updates itself.
void check_tensors(const io::TensorFile& file, const Config& config,
                   const std::string& origin) {
  validate(config);
  const model::Plan plan = model::make_plan(config);
  check_names(file, plan, origin);
  const bool checkpoint = find_text(file, "vae.progress") != nullptr;
  for (const model::Tensor& tensor : plan.params) {
    check_tensor(file, tensor.name, tensor.shape, origin);
    if (!checkpoint) continue;
    check_tensor(file, kMoment1 + tensor.name, tensor.shape, origin);
    check_tensor(file, kMoment2 + tensor.name, tensor.shape, origin);
  }
  for (const model::Tensor& tensor : plan.running)
    check_tensor(file, tensor.name, tensor.shape, origin);
}

}  // namespace train

namespace {

/// A safetensors file begins with the length of its header and a brace. Checked
/// before JSON, because the length may look like blanks and a brace.
bool looks_like_safetensors(std::string_view file) {
  std::uint64_t length = 0;
  if (file.size() <= sizeof length) return false;
  std::memcpy(&length, file.data(), sizeof length);
  return length <= file.size() - sizeof length && file[sizeof length] == '{';
}

/// UTF-16 of either byte order, with or without a byte order mark: editors of
/// other systems may save a configuration like this.
bool looks_like_utf16(std::string_view file) {
  return file.starts_with("\xff\xfe") || file.starts_with("\xfe\xff") ||
         file.starts_with(std::string_view("{\0", 2)) ||
         file.starts_with(std::string_view("\0{", 2));
}

}  // namespace

// Safetensors, then JSON; what is neither gets the error text of the format
// that it resembles more.
Config config_from_file(const std::string& path) {
  const std::vector<std::byte> bytes = io::read_file(path);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                        bytes.size());
  if (looks_like_safetensors(text))
    return train::config_for(io::read_safetensors(bytes, path), nullptr, path);
  require(!looks_like_utf16(text), Status::format, path,
          " is UTF-16 text; a configuration is JSON in UTF-8");
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);  // byte order mark
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  require(start != std::string_view::npos, Status::format, path,
          " is empty; a configuration is a JSON object, a model a "
          "safetensors file");
  // A damaged safetensors file begins with a binary length, other files with
  // eight printable characters.
  const auto is_letter = [](char c) { return c >= ' ' && c <= '~'; };
  const bool plain = text.size() >= 8 &&
                     std::all_of(text.begin(), text.begin() + 8, is_letter);
  require(text[start] == '{' || text[start] == '[' || !plain, Status::format,
          path, " begins with \"", text.substr(0, 8),
          "\": it is neither a configuration, which is a JSON object, nor a "
          "safetensors file");
  if (text[start] != '{' && text[start] != '[')
    return train::config_for(io::read_safetensors(bytes, path), nullptr, path);
  try {
    return config_from_json(text);
  } catch (const Error& error) {
    fail(static_cast<Status>(error.status()), path, ": ", error.what());
  }
}

// Downloads each tensor in PyTorch's order. The order of the file is that of
// TensorFile's map, so equal states give equal files.
io::TensorFile Trainer::Impl::to_file(SaveWhat what) {
  const bool checkpoint = what == SaveWhat::checkpoint;
  require(checkpoint || what == SaveWhat::model, Status::argument, "what is ",
          static_cast<std::int32_t>(what),
          "; allowed are 1 (model), 2 (checkpoint)");
  const engine::Layout& layout = engine_->layout();
  const std::uint64_t updates = read_control().updates;
  io::TensorFile file;
  const auto put = [&](const std::string& name, const model::Tensor& tensor,
                       const engine::Segment& segment,
                       const engine::Buffer& buffer) {
    file.tensors[name] = make_tensor(
        tensor.shape,
        train::read_segment(*device_, segment, engine::floats(buffer)));
  };
  for (std::size_t i = 0; i < plan_.params.size(); ++i) {
    const model::Tensor& tensor = plan_.params[i];
    put(tensor.name, tensor, layout.params[i], state_.param);
    if (!checkpoint) continue;
    put(kMoment1 + tensor.name, tensor, layout.params[i], state_.moment1);
    put(kMoment2 + tensor.name, tensor, layout.params[i], state_.moment2);
  }
  for (std::size_t i = 0; i < plan_.running.size(); ++i)
    put(plan_.running[i].name, plan_.running[i], layout.running[i],
        state_.running);
  // BatchNorm's num_batches_tracked, as PyTorch's state_dict has it.
  for (const std::string& name : plan_.batch_counters) {
    io::Tensor counter{"I64", {}, std::vector<std::byte>(8)};
    std::memcpy(counter.data.data(), &updates, 8);
    file.tensors[name] = counter;
  }
  file.metadata["format"] = "pt";  // Hugging Face's loaders require it
  file.metadata["vae.format"] = kFormat;
  file.metadata["vae.kind"] = checkpoint ? "checkpoint" : "model";
  file.metadata["vae.config"] = to_file_json(requested_);
  if (checkpoint)
    file.metadata["vae.progress"] = Json{
        {"step", step_},
        {"updates", updates},
        {"epoch", epoch_},
        {"position", position_}}.dump();
  return file;
}

// The trainer is new and is destroyed if this throws, so a file that fails late
// leaves no trainer with half of its values.
void Trainer::Impl::from_file(const io::TensorFile& file,
                              const std::string& origin) {
  const engine::Layout& layout = engine_->layout();
  const auto put = [&](const std::string& name, const engine::Segment& segment,
                       const engine::Buffer& buffer) {
    train::write_segment(*device_, segment, take(file, name, origin),
                         engine::floats(buffer));
  };
  const std::string* progress = find_text(file, "vae.progress");
  for (std::size_t i = 0; i < plan_.params.size(); ++i) {
    const model::Tensor& tensor = plan_.params[i];
    put(tensor.name, layout.params[i], state_.param);
    if (progress == nullptr) continue;
    put(kMoment1 + tensor.name, layout.params[i], state_.moment1);
    put(kMoment2 + tensor.name, layout.params[i], state_.moment2);
  }
  for (std::size_t i = 0; i < plan_.running.size(); ++i)
    put(plan_.running[i].name, layout.running[i], state_.running);
  engine_->params_changed();
  if (progress == nullptr) return;
  const Json json = parse_json(*progress, origin + ": vae.progress");
  require(json.is_object(), Status::format, origin,
          ": vae.progress is not a JSON object");
  step_ = count_of(json, "step", origin);
  epoch_ = count_of(json, "epoch", origin);
  position_ = count_of(json, "position", origin);
  write_updates(count_of(json, "updates", origin));
}

}  // namespace vae
