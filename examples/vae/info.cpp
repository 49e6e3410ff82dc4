// `vae info`: content of a model or checkpoint. `vae diagnose`: devices and
// build of libvae on this machine.
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "kind.hpp"
#include "output.hpp"
#include "settings.hpp"

namespace cli {

using nlohmann::ordered_json;

namespace {

ordered_json tensor_json(const vae_param& param) {
  ordered_json shape = ordered_json::array();
  for (std::uint32_t i = 0; i < param.rank; ++i)
    shape.push_back(param.shape[i]);
  return {{"name", param.name},
          {"type", param.dtype == VAE_INT64 ? "int64" : "float32"},
          {"shape", shape},
          {"elements", param.elements},
          {"trainable", param.trainable != 0}};
}

ordered_json tensors_json(vae_trainer* trainer) {
  std::uint32_t count = 0;
  check(vae_param_count(trainer, &count));
  ordered_json tensors = ordered_json::array();
  for (std::uint32_t i = 0; i < count; ++i) {
    auto param = initialised(vae_param_init);
    check(vae_param_info(trainer, i, &param));
    tensors.push_back(tensor_json(param));
  }
  return tensors;
}

ordered_json file_json(const std::string& path,
                       const std::string& config_path) {
  vae_config config = read_config(path, config_path);
  const ordered_json as_saved = to_json(config);
  config.device = VAE_CPU;
  config.precision = VAE_FP32;
  const Trainer trainer = load_trainer(path, config);

  const ordered_json tensors = tensors_json(trainer.get());
  std::uint64_t parameters = 0;
  for (const auto& tensor : tensors) {
    if (tensor["trainable"].get<bool>()) {
      parameters += tensor["elements"].get<std::uint64_t>();
    }
  }
  const std::string kind = kind_of_file(path);
  return {{"file", path},
          {"kind", kind.empty() ? "model" : kind},
          {"parameters", parameters},
          {"steps", counter(trainer.get(), VAE_STEP)},
          {"updates", counter(trainer.get(), VAE_UPDATES)},
          {"epochs", counter(trainer.get(), VAE_EPOCH)},
          {"config", as_saved},
          {"tensors", tensors}};
}

// A text of several lines keeps them, indented.
std::string as_text(const ordered_json& item, const std::string& indent) {
  if (!item.is_string()) return item.dump();
  std::string text;
  for (const char letter : item.get_ref<const std::string&>()) {
    text += letter == '\n' ? "\n" + indent : std::string(1, letter);
  }
  return text.substr(0, text.find_last_not_of(" \n") + 1);
}

// Indented "name: value" lines.
std::string lines_of(const ordered_json& value, const std::string& indent) {
  std::string lines;
  for (const auto& [name, item] : value.items()) {
    const bool nested = item.is_object() ||
                        (item.is_array() && !item.empty() &&
                         (item.front().is_object() || item.front().is_array()));
    lines += indent + name + ": ";
    lines += nested ? "\n" + lines_of(item, indent + "  ")
                    : as_text(item, indent + "  ") + "\n";
  }
  return lines;
}

std::string file_text(ordered_json file) {
  const ordered_json tensors = file["tensors"];
  file.erase("tensors");
  std::string text = lines_of(file, "") + "tensors:\n";
  for (const auto& tensor : tensors) {
    text += format("  %-28s %-8s %s\n",
                   tensor["name"].get_ref<const std::string&>().c_str(),
                   tensor["type"].get_ref<const std::string&>().c_str(),
                   tensor["shape"].dump().c_str());
  }
  return text;
}

void info(const std::string& path, const std::string& config, bool json) {
  const ordered_json file = file_json(path, config);
  print(json ? json_line(file) : file_text(file));
}

// Of a configuration file, a model or a checkpoint.
ordered_json memory_json(const std::string& path) {
  auto config = vae_default_config();
  check(vae_config_from_file(&config, path.c_str()));
  std::uint64_t host = 0, device = 0;
  check(vae_config_memory(&config, &host, &device));
  return {{"host_bytes", host}, {"device_bytes", device}};
}

void diagnose(const std::string& config, bool json) {
  ordered_json found = ordered_json::parse(
      text_from([](char* text, std::uint64_t capacity, std::uint64_t* needed) {
        return vae_diagnose(nullptr, text, capacity, needed);
      }));
  if (!config.empty()) found["training_memory"] = memory_json(config);
  print(json ? json_line(found) : lines_of(found, ""));
}

}  // namespace

void add_info(CLI::App& app) {
  struct Options {
    std::string path, config;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("info", "Show the content of a model or checkpoint");
  command.footer(
      "Examples:\n"
      "  vae info runs/first/checkpoint.safetensors\n"
      "  vae info --model model.safetensors --json");
  command.add_option("--model,model", options->path, "The file")->required();
  command.add_option(
      "--config", options->config,
      "Configuration (JSON) of a model that libvae did not write");
  command.add_flag("--json", options->json, "One JSON object");
  command.callback(
      [options] { info(options->path, options->config, options->json); });
}

void add_diagnose(CLI::App& app) {
  struct Options {
    std::string config;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("diagnose", "Show the devices that libvae can use");
  command.footer(
      "Examples:\n"
      "  vae diagnose\n"
      "  vae diagnose --json\n"
      "  vae diagnose --config config.json");
  command.add_option("--config", options->config,
                     "Also show how much memory training will hold by this "
                     "configuration (JSON, model or checkpoint)");
  command.add_flag("--json", options->json, "One JSON object");
  command.callback([options] { diagnose(options->config, options->json); });
}

}  // namespace cli
