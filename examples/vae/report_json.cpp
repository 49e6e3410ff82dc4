// The report for programs: one JSON object per line on standard output, named
// by "event". Nothing else is written there.
#include "report.hpp"
#include "settings.hpp"

namespace cli {

using nlohmann::ordered_json;

namespace {

void tell_json(const ordered_json& value) { tell(json_line(value)); }

class JsonReport final : public Report {
 public:
  void start(const Plan& plan) override {
    config_ = plan.config;
    tell_json({{"event", "start"},
               {"version", vae_version()},
               {"data", plan.data},
               {"images", plan.images},
               {"test_images", plan.test_images},
               {"epochs", plan.epochs},
               {"steps_per_epoch", plan.steps_per_epoch},
               {"epochs_done", plan.epoch},
               {"steps_done", plan.step},
               {"config", to_json(plan.config)}});
  }

  void step(const Pace& pace) override {
    tell_json({{"event", "step"},
               {"epoch", pace.epoch},
               {"step", pace.step},
               {"steps", pace.steps},
               {"loss", pace.loss},
               {"mean_loss", pace.mean_loss},
               {"reconstruction", pace.reconstruction},
               {"kl", pace.kl},
               {"images_per_second", pace.images_per_second},
               {"seconds", pace.seconds}});
  }

  void epoch(const Pace& pace, const vae_metrics& metrics) override {
    tell_json({{"event", "epoch"},
               {"epoch", pace.epoch},
               {"loss", metrics.loss},
               {"reconstruction", metrics.reconstruction},
               {"kl", metrics.kl},
               {"mse", metrics.mse},
               {"gradient_norm", metrics.gradient_norm},
               {"active_units", metrics.active_units},
               {"images", metrics.images},
               {"steps", metrics.steps},
               {"skipped_steps", metrics.skipped_steps},
               {"images_per_second", pace.images_per_second},
               {"seconds", metrics.seconds}});
  }

  void eval(std::uint64_t epoch, const vae_metrics& metrics) override {
    ordered_json event = {{"event", "eval"}, {"epoch", epoch}};
    event.update(evaluation_json(metrics, config_));
    tell_json(event);
  }

  void saved(const std::string& what, const std::string& path) override {
    tell_json({{"event", "saved"}, {"what", what}, {"file", path}});
  }

  void warning(const std::string& text) override {
    tell_json({{"event", "warning"}, {"text", text}});
  }

  void done(const Ending& ending) override {
    ordered_json event = {{"event", "done"},
                          {"epochs", ending.epochs},
                          {"steps", ending.steps},
                          {"seconds", ending.seconds},
                          {"complete", ending.complete},
                          {"interrupted", ending.interrupted},
                          {"model", ending.model},
                          {"checkpoint", ending.checkpoint}};
    if (!ending.complete) event["resume"] = ending.resume;
    tell_json(event);
  }

 private:
  vae_config config_{};
};

}  // namespace

std::unique_ptr<Report> json_report() { return std::make_unique<JsonReport>(); }

ordered_json evaluation_json(const vae_metrics& metrics,
                             const vae_config& config) {
  ordered_json soft_loss;
  if (config.likelihood == VAE_BERNOULLI) {
    soft_loss = metrics.reconstruction + metrics.kl;
  }
  return {{"soft_loss", soft_loss},
          {"loss", metrics.loss},
          {"reconstruction", metrics.reconstruction},
          {"kl", metrics.kl},
          {"mse", metrics.mse},
          {"active_units", metrics.active_units},
          {"images", metrics.images},
          {"seconds", metrics.seconds}};
}

}  // namespace cli
