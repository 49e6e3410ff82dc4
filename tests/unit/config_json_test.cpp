// A configuration as JSON: round trips, and errors that name the bad field.
#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/config_fields.hpp"
#include "unit/testing.hpp"
#include "vae/config.hpp"
#include "vae/trainer.hpp"

namespace vae {
namespace {

using testing::error_of;
using testing::says;

/// Differs from the default in every field that can differ.
Config unusual() {
  Config c;
  c.net = Net::dense;
  c.channels = 3, c.height = 5, c.width = 7;
  c.latent = 11;
  c.layers = {65536, 2, 1};
  c.likelihood = Likelihood::gaussian;
  c.sum_gradient = false;
  c.gaussian_sigma = 0.1;
  c.kl_weight = 1.0 / 3.0;
  c.learning_rate = 5e-324;
  c.beta1 = 0.1, c.beta2 = 0.2, c.epsilon = 1e29;
  c.weight_decay = 0.3, c.clip_norm = 0.4;
  c.seed = std::numeric_limits<std::uint64_t>::max();
  c.max_batch = 17, c.threads = 3;
  c.keep_gradients = true;
  c.device = DeviceKind::cuda, c.device_index = 2;
  c.precision = Precision::bf16;
  c.engine = EngineKind::blocks;
  c.nonfinite = NonFinite::skip;
  c.deterministic = true;
  c.graph = Graph::off, c.graph_steps = 3;
  c.optimizer = Optimizer::sgd;
  c.schedule = Schedule::cosine, c.schedule_floor = 0.5;
  c.schedule_updates = 23, c.warmup_updates = 19;
  c.kl_warmup_updates = 5, c.kl_cycle_updates = 9;
  return c;
}

TEST_CASE("what is written is read back, to the last bit") {
  CHECK(config_from_json(to_json(Config())) == Config());
  CHECK(config_from_json(to_json(unusual())) == unusual());
}

TEST_CASE("every field is written, and a changed one changes the text") {
  const auto plain = nlohmann::json::parse(to_json(Config()));
  const auto other = nlohmann::json::parse(to_json(unusual()));
  std::size_t fields = 0;
  for_each_field([&](Field, auto, auto) { ++fields; });
  CHECK_EQ(plain.size(), fields);
  for (const auto& [name, value] : plain.items()) {
    CAPTURE(name);
    // Of these two only one value is allowed so far.
    CHECK_EQ(value == other.at(name), name == "model" || name == "samples");
  }
}

TEST_CASE("enumerations go by their names") {
  const auto json = nlohmann::json::parse(to_json(Config()));
  CHECK_EQ(json["net"], "conv");
  CHECK_EQ(json["likelihood"], "bernoulli");
  CHECK_EQ(json["device"], "auto");
  CHECK_EQ(json["precision"], "fp32");
  CHECK_EQ(json["engine"], "auto");
  CHECK_EQ(json["nonfinite"], "error");
  CHECK_EQ(json["graph"], "auto");
}

TEST_CASE("an absent field keeps its default") {
  Config expected;
  expected.latent = 5;
  expected.precision = Precision::tf32;
  CHECK(config_from_json(R"( {"precision": "tf32", "latent": 5} )") ==
        expected);
  CHECK(config_from_json("{}") == Config());
}

TEST_CASE("values that are not allowed are named") {
  const std::pair<const char*, const char*> cases[]{
      {R"({"latnt": 5})", "\"latnt\" is not a field"},
      {R"({"device": "gpu"})",
       R"(device is "gpu"; allowed are "cpu", "cuda", "auto")"},
      {R"({"device": 1})", "device is 1"},
      {R"({"latent": 0})", "latent is 0; allowed are 1 to 4096"},
      {R"({"latent": -1})", "latent is -1; allowed are 0 to 4294967295"},
      {R"({"latent": 4294967296})", "latent is 4294967296"},
      {R"({"seed": -1})", "seed is -1"},
      {R"({"device_index": -2147483649})", "device_index is -2147483649"},
      {R"({"layers": [8, -1]})", "layers[1] is -1"},
      {R"({"layers": [8]})", "layers has 1"},
      {R"({"epsilon": 0})", "epsilon is 0"},
  };
  for (const auto& [json, said] : cases)
    says(error_of(Status::argument, [&] { config_from_json(json); }), said);
}

TEST_CASE("wrong types and texts other than a JSON object are format errors") {
  const std::pair<const char*, const char*> cases[]{
      {R"({"latent": 28.0})", "latent is 28.0; expected a whole number"},
      {R"({"seed": 18446744073709551616})", "expected a whole number"},
      {R"({"latent": "5"})", "latent is \"5\""},
      {R"({"latent": true})", "latent is true"},
      {R"({"latent": null})", "latent is null"},
      {R"({"sum_gradient": 1})", "expected true or false"},
      {R"({"beta1": "0.9"})", "expected a number"},
      {R"({"layers": 8})", "expected an array of whole numbers"},
      {R"({"layers": [8, 1.5]})", "layers[1] is 1.5"},
      {R"({"layers": [[8], 8]})", "layers[0] is [8]"},
      {R"({"kl_weight": NaN})", "not JSON"},
      {R"({"latent": 5)", "not JSON"},
      {R"({"latent": 5} {})", "not JSON"},
      {"", "not JSON"},
      {"[]", "not a JSON object"},
      {"5", "not a JSON object"},
      {"null", "not a JSON object"},
  };
  for (const auto& [json, said] : cases) {
    CAPTURE(json);
    says(error_of(Status::format, [&] { config_from_json(json); }), said);
  }
}

TEST_CASE("a duplicate field is an error with its name") {
  const std::pair<const char*, const char*> cases[]{
      {R"({"latent": 5, "latent": 5})",
       "the configuration has \"latent\" twice"},
      {R"({"latent": 5, "net": "conv", "latent": 6})", "\"latent\" twice"},
      {R"({"seed": 1, "\u0073eed": 2})", "\"seed\" twice"},
      {R"({"seed": {"a": 1, "b": 2, "a": 3}})", "\"a\" twice"},
  };
  for (const auto& [json, said] : cases)
    says(error_of(Status::format, [&] { config_from_json(json); }), said);
  // The same name in two objects is not twice in one.
  says(error_of(Status::format,
                [] { config_from_json(R"({"seed": [{"a": 1}, {"a": 1}]})"); }),
       "expected a whole number");
}

TEST_CASE("deep nesting is an error, without recursion") {
  const std::string deep(1'000'000, '[');
  says(error_of(Status::format,
                [&] {
                  config_from_json("{\"latent\": " + deep +
                                   std::string(deep.size(), ']') + "}");
                }),
       "nested more than 16 deep");
}

TEST_CASE("a configuration that is not allowed is not written") {
  Config config;
  config.latent = 0;
  says(error_of(Status::argument, [&] { to_json(config); }), "latent is 0");
}

TEST_CASE("a configuration is read from a JSON file or from a model") {
  const testing::TempFolder folder;
  Config config;
  config.net = Net::dense;
  config.layers = {3};
  config.height = config.width = 2;
  config.device = DeviceKind::cpu;
  config.threads = 1;
  testing::put(folder / "c.json", testing::to_bytes("\n\t " + to_json(config)));
  CHECK(config_from_file(folder / "c.json") == config);

  Trainer(config).save(folder / "m.safetensors", SaveWhat::model);
  Config stored = config;
  stored.device = DeviceKind::automatic;  // selected again when it is opened
  CHECK(config_from_file(folder / "m.safetensors") == stored);
}

TEST_CASE("files without a configuration") {
  const testing::TempFolder folder;
  says(error_of(Status::file, [&] { config_from_file(folder / "none"); }),
       "none");
  for (const char* text : {"", "  \n", "{\"latent\"", "plain text"}) {
    testing::put(folder / "bad", testing::to_bytes(text));
    error_of(Status::format, [&] { config_from_file(folder / "bad"); });
  }
}

}  // namespace
}  // namespace vae
