// `vae eval`: the losses of a model on a set of images.
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "report.hpp"

namespace cli {

namespace {

struct EvalOptions {
  ModelInput model;
  ImagesInput images;
  bool json = false;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  vae eval --model runs/first/model.safetensors --data data/mnist\n"
    "  vae eval --model model.safetensors --data data/mnist --set train "
    "--json\n"
    "\n"
    "All values are means per image, in nats. The soft loss is the Bernoulli\n"
    "cross-entropy with grey pixels as targets, plus KL: it compares models, "
    "but\n"
    "is not a bound of a likelihood. With --json the last line is one object "
    "with\n"
    "soft_loss (null for the Gaussian likelihood), loss, reconstruction, kl,\n"
    "mse, active_units, images, set (test, train, or all if the data are\n"
    "not divided), data.";

std::string evaluation_text(const vae_metrics& metrics,
                            const vae_config& config, const Images& images) {
  return format("%-15s %s\n", "data", images.path.c_str()) +
         format("%-15s %s\n", "set", images.part.c_str()) +
         format("%-15s %llu\n", "images",
                static_cast<unsigned long long>(metrics.images)) +
         format("%-15s %.4f\n", loss_name(config),
                metrics.reconstruction + metrics.kl) +
         format("%-15s %.4f\n", "reconstruction", metrics.reconstruction) +
         format("%-15s %.4f\n", "KL", metrics.kl) +
         format("%-15s %.6f\n", "MSE per pixel", metrics.mse) +
         format("%-15s %u of %u\n", "active units", metrics.active_units,
                config.latent);
}

void evaluate(const EvalOptions& options) {
  const Trainer trainer = options.model.open();
  const vae_config config = config_of(trainer.get());
  const Images images = options.images.open(config);
  vae_metrics metrics = vae_no_metrics();
  check(vae_evaluate(trainer.get(), images.set.get(), nullptr, &metrics));
  if (options.json) {
    auto result = evaluation_json(metrics, config);
    result["set"] = images.part;
    result["data"] = images.path;
    result["warnings"] = images.warnings;
    print(json_line(result));
  } else {
    print(evaluation_text(metrics, config, images));
  }
}

}  // namespace

void add_eval(CLI::App& app) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App& command = *app.add_subcommand("eval", "Evaluate a model on images");
  command.footer(kExamples);
  options->model.add_options(command);
  options->images.add_options(command);
  command.add_flag("--json", options->json, "One JSON object");
  command.callback([options] { evaluate(*options); });
}

}  // namespace cli
