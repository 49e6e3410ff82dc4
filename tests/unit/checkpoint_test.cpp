// Content of a file, restoring a trainer from it, and errors for files that are
// damaged or belong to another model.
#include "train/checkpoint.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::batch_of;
using testing::bytes_of;
using testing::error_of;
using testing::says;
using testing::small_conv;
using testing::some_images;

Trainer trained(const Config& config, int steps = 3) {
  Trainer trainer(config);
  const auto images = some_images(4);
  for (int i = 0; i < steps; ++i) trainer.train_step(batch_of(images));
  return trainer;
}

io::TensorFile file_of(SaveWhat what) {
  Trainer trainer = trained(small_conv());
  return io::read_safetensors(trainer.save(what), "a file");
}

/// The error of opening a checkpoint that was changed.
std::string refused(Status status,
                    const std::function<void(io::TensorFile&)>& damage,
                    const Config* config = nullptr) {
  io::TensorFile file = file_of(SaveWhat::checkpoint);
  damage(file);
  const auto bytes = io::write_safetensors(file);
  return error_of(status, [&] { Trainer::load(bytes, config); });
}

void set_float(io::Tensor& tensor, std::size_t at, float value) {
  REQUIRE(tensor.data.size() >= 4 * (at + 1));
  std::memcpy(tensor.data.data() + 4 * at, &value, 4);
}

TEST_CASE("a model holds the module's tensors and its configuration") {
  const io::TensorFile file = file_of(SaveWhat::model);
  Trainer trainer(small_conv());
  std::size_t floats = 0;
  for (const ParamInfo& info : trainer.params()) {
    if (info.type != ElementType::float32) continue;
    ++floats;
    REQUIRE(file.tensors.contains(info.name));
    CHECK(file.tensors.at(info.name).shape == info.shape);
    CHECK_EQ(file.tensors.at(info.name).dtype, "F32");
  }
  CHECK_EQ(file.tensors.size(), floats + 2);  // and one counter for each norm
  const io::Tensor& counter = file.tensors.at("encoder.1.num_batches_tracked");
  CHECK_EQ(counter.dtype, "I64");
  CHECK(counter.shape.empty());
  std::int64_t batches = 0;
  REQUIRE(counter.data.size() == 8);
  std::memcpy(&batches, counter.data.data(), 8);
  CHECK_EQ(batches, 3);

  CHECK_EQ(file.metadata.size(), 4);
  CHECK_EQ(file.metadata.at("format"), "pt");
  CHECK_EQ(file.metadata.at("vae.format"), "1");
  CHECK_EQ(file.metadata.at("vae.kind"), "model");
  CHECK(config_from_json(file.metadata.at("vae.config")) == small_conv());
}

TEST_CASE("a checkpoint adds both moments and the progress, nothing else") {
  const io::TensorFile model = file_of(SaveWhat::model);
  const io::TensorFile file = file_of(SaveWhat::checkpoint);
  Trainer trainer(small_conv());
  std::size_t added = 0;
  for (const ParamInfo& info : trainer.params()) {
    if (!info.trainable) continue;
    for (const char* moment : {"adam.moment1.", "adam.moment2."}) {
      ++added;
      REQUIRE(file.tensors.contains(moment + info.name));
      CHECK(file.tensors.at(moment + info.name).shape == info.shape);
    }
  }
  CHECK_EQ(file.tensors.size(), model.tensors.size() + added);
  CHECK_EQ(file.metadata.size(), 5);
  CHECK_EQ(file.metadata.at("vae.kind"), "checkpoint");
  CHECK(nlohmann::json::parse(file.metadata.at("vae.progress")) ==
        nlohmann::json{
            {"step", 3}, {"updates", 3}, {"epoch", 0}, {"position", 0}});
}

TEST_CASE("the same state gives the same bytes, again and after loading") {
  for (const SaveWhat what : {SaveWhat::model, SaveWhat::checkpoint}) {
    Trainer trainer = trained(small_conv());
    const auto bytes = trainer.save(what);
    CHECK(trainer.save(what) == bytes);
    const Config config = small_conv();
    Trainer copy = Trainer::load(bytes, &config);
    // A model has no progress, so its copy has made no updates.
    if (what == SaveWhat::model) copy.set(Key::updates, 3);
    CHECK(copy.save(what) == bytes);
  }
}

TEST_CASE("training continues from a checkpoint with the same bytes") {
  Trainer trainer = trained(small_conv());
  const Config config = small_conv();
  Trainer copy = Trainer::load(bytes_of(trainer), &config);
  CHECK(copy.get(Key::step) == 3);
  CHECK(copy.get(Key::updates) == 3);
  const auto images = some_images(5, 2);
  for (int i = 0; i < 3; ++i)
    for (Trainer* each : {&trainer, &copy}) each->train_step(batch_of(images));
  CHECK(testing::all_params(copy) == testing::all_params(trainer));
}

TEST_CASE("a model has no optimizer state") {
  Trainer trainer = trained(small_conv());
  Trainer copy = Trainer::load(trainer.save(SaveWhat::model));
  CHECK(copy.get(Key::step) == 0);
  CHECK(copy.get(Key::updates) == 0);
  for (const float moment : testing::all_params(copy, ParamWhat::moment1))
    CHECK(moment == 0.0f);
}

TEST_CASE("settings changed during training are saved") {
  Trainer trainer = trained(small_conv());
  trainer.set(Key::learning_rate, 0.25);
  trainer.set(Key::kl_weight, 0.5);
  trainer.set(Key::epoch, 7);
  Trainer copy = Trainer::load(bytes_of(trainer));
  CHECK(copy.get(Key::learning_rate) == 0.25);
  CHECK(copy.get(Key::kl_weight) == 0.5);
  CHECK(copy.get(Key::epoch) == 7);
}

TEST_CASE("what to save is a model or a checkpoint") {
  Trainer trainer(small_conv());
  says(error_of(Status::argument,
                [&] { trainer.save(static_cast<SaveWhat>(3)); }),
       "what is 3; allowed are 1 (model), 2 (checkpoint)");
}

TEST_CASE("damaged tensors are refused by name") {
  const std::string name = "encoder.0.weight";
  for (const std::string& lost :
       {name, "adam.moment1." + name, "adam.moment2." + name,
        std::string("encoder.1.running_var")})
    says(refused(Status::format,
                 [&](io::TensorFile& f) { f.tensors.erase(lost); }),
         "tensor \"" + lost + "\" is missing");
  const auto reshape = [&](io::TensorFile& f) {
    f.tensors[name].shape = {2, 4, 4, 4};
  };
  says(refused(Status::format, reshape),
       "\"encoder.0.weight\" has the shape [2,4,4,4]; this model's is "
       "[4,2,4,4]");
  for (const float bad : {NAN, HUGE_VALF, -HUGE_VALF}) {
    const auto spoil = [&](io::TensorFile& f) {
      set_float(f.tensors[name], 5, bad);
    };
    const std::string text = refused(Status::format, spoil);
    says(text, "\"encoder.0.weight\": element 5 is ");
    says(text, "must be finite");
  }
  const auto retype = [&](io::TensorFile& f) { f.tensors[name].dtype = "I32"; };
  says(refused(Status::format, retype), "encoder.0.weight");
}

TEST_CASE("tensors of another model are refused by name") {
  for (const char* foreign :
       {"encoder.9.weight", "adam.moment1.nothing", "adam.moment3.fc11.bias",
        "adam.moment1.encoder.1.num_batches_tracked"}) {
    const auto add = [&](io::TensorFile& f) {
      f.tensors[foreign] = f.tensors["fc11.bias"];
    };
    says(refused(Status::format, add), std::string("tensor \"") + foreign +
                                           "\" does not belong to this model");
  }
}

TEST_CASE("a file of a later format is refused as such") {
  const auto later = [](io::TensorFile& f) { f.metadata["vae.format"] = "2"; };
  says(refused(Status::version, later),
       "written in format 2; this library reads format 1");
}

TEST_CASE("a damaged configuration is refused") {
  const std::pair<const char*, const char*> cases[]{
      {"{", "damaged"},
      {"", "damaged"},
      {"[]", "damaged"},
      {R"({"latent": 0})", "latent is 0"},
      {R"({"colour": 1})", "colour"},
      {R"({"latent": 3, "latent": 3})", "has \"latent\" twice"}};
  for (const auto& [config, said] : cases) {
    const auto damage = [&](io::TensorFile& f) {
      f.metadata["vae.config"] = config;
    };
    says(refused(Status::format, damage), said);
  }
}

TEST_CASE("a configuration that is not that of the tensors is refused") {
  const auto damage = [](io::TensorFile& f) {
    Config other = small_conv();
    other.latent = 4;
    f.metadata["vae.config"] = to_json(other);
  };
  says(refused(Status::format, damage), "this model's is [4,");
}

TEST_CASE("damaged progress is refused by the count that is wrong") {
  const auto with = [](const std::string& progress) {
    return [=](io::TensorFile& f) { f.metadata["vae.progress"] = progress; };
  };
  for (const char* text : {"", "{", "[]", "3", "null"})
    says(refused(Status::format, with(text)), "vae.progress is not");
  for (const char* key : {"step", "updates", "epoch", "position"}) {
    nlohmann::json json{
        {"step", 3}, {"updates", 3}, {"epoch", 0}, {"position", 0}};
    json.erase(key);
    const std::string said = std::string("no count \"") + key + "\"";
    says(refused(Status::format, with(json.dump())), said);
    for (const auto& bad : {nlohmann::json(-1), nlohmann::json(1.5),
                            nlohmann::json("3"), nlohmann::json(nullptr)}) {
      json[key] = bad;
      says(refused(Status::format, with(json.dump())), said);
    }
    json[key] = (std::uint64_t{1} << 53) + 1;
    says(refused(Status::format, with(json.dump())), "above 2^53");
  }
}

TEST_CASE("progress that has a count twice is refused") {
  const auto twice = [](io::TensorFile& f) {
    std::string& text = f.metadata["vae.progress"];
    text.insert(1, R"("step":3,)");
  };
  says(refused(Status::format, twice), "vae.progress has \"step\" twice");
}

TEST_CASE("bytes that are not a file of any format") {
  Trainer trainer = trained(small_conv());
  const auto bytes = bytes_of(trainer);
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{8},
                                 std::size_t{100}, bytes.size() - 1})
    error_of(Status::format,
             [&] { Trainer::load(std::span(bytes).first(size)); });
}

TEST_CASE("a configuration given must agree about the model") {
  const std::function<void(Config&)> changes[]{
      [](Config& c) { c.net = Net::dense; },
      [](Config& c) { c.channels = 1; },
      [](Config& c) { c.height = 7; },
      [](Config& c) { c.width = 6; },
      [](Config& c) { c.latent = 4; },
      [](Config& c) {
        c.layers = {4, 4};
      },
      [](Config& c) { c.likelihood = Likelihood::gaussian; }};
  for (const auto& change : changes) {
    Config other = small_conv();
    change(other);
    says(refused(
             Status::argument, [](io::TensorFile&) {}, &other),
         "the configuration given is for another model");
  }
  Config bad = small_conv();
  bad.latent = 0;
  says(refused(
           Status::argument, [](io::TensorFile&) {}, &bad),
       "latent is 0");
}

TEST_CASE("a configuration given decides about everything but the model") {
  Trainer trainer = trained(small_conv());
  Config other = small_conv();
  other.learning_rate = 0.5;
  other.max_batch = 3;
  other.seed = 99;
  other.keep_gradients = true;
  other.nonfinite = NonFinite::skip;
  Trainer copy = Trainer::load(bytes_of(trainer), &other);
  CHECK(copy.get(Key::learning_rate) == 0.5);
  CHECK(copy.config().max_batch == 3);
  CHECK(copy.config().seed == 99);
  CHECK(copy.get(Key::step) == 3);
  CHECK(testing::all_params(copy) == testing::all_params(trainer));
}

TEST_CASE("without one, the settings are those saved, but not the device") {
  Config config = small_conv();
  config.learning_rate = 0.125;
  config.nonfinite = NonFinite::skip;
  Trainer trainer(config);
  Trainer copy = Trainer::load(bytes_of(trainer));
  CHECK(copy.config().learning_rate == 0.125);
  CHECK(copy.config().nonfinite == NonFinite::skip);
  const auto again = io::read_safetensors(bytes_of(copy), "copy");
  CHECK(config_from_json(again.metadata.at("vae.config")).device ==
        DeviceKind::automatic);
}

TEST_CASE("a file that libvae did not write needs a configuration") {
  io::TensorFile file = file_of(SaveWhat::model);
  file.metadata = {{"format", "pt"}};
  const auto bytes = io::write_safetensors(file);
  says(error_of(Status::format, [&] { Trainer::load(bytes); }),
       "holds no configuration");
  const Config config = small_conv();
  Trainer copy = Trainer::load(bytes, &config);
  Trainer trainer = trained(config);
  CHECK(testing::all_params(copy) == testing::all_params(trainer));

  file.metadata.clear();
  for (const char* counter :
       {"encoder.1.num_batches_tracked", "encoder.4.num_batches_tracked"})
    file.tensors.erase(counter);  // older modules have none
  CHECK_NOTHROW(Trainer::load(io::write_safetensors(file), &config));
}

TEST_CASE(
    "a file on disk is complete, named in errors, and leaves no temporary "
    "file") {
  const testing::TempFolder folder;
  Trainer trainer = trained(small_conv());
  trainer.save(folder / "a.safetensors", SaveWhat::checkpoint);
  CHECK(folder.names() == std::vector<std::string>{"a.safetensors"});
  Trainer copy = Trainer::load(folder / "a.safetensors");
  CHECK(testing::all_params(copy) == testing::all_params(trainer));
  testing::put(folder / "bad", testing::to_bytes("nonsense"));
  says(error_of(Status::format, [&] { Trainer::load(folder / "bad"); }), "bad");
  says(error_of(Status::file, [&] { Trainer::load(folder / "none"); }), "none");
}

TEST_CASE("squares and variances in a file are not negative") {
  for (const char* name : {"adam.moment2.fc11.bias", "encoder.1.running_var"}) {
    const auto negate = [&](io::TensorFile& f) {
      set_float(f.tensors[name], 1, -0.5f);
    };
    says(refused(Status::format, negate), "element 1 is -0.5");
  }
}

TEST_CASE("a small file cannot ask for a large model") {
  // Its tensors would take 600 MB each; it fails before any is allocated.
  const auto inflate = [](io::TensorFile& f) {
    Config large = small_conv();
    large.layers = {4096, 4096};
    f.metadata["vae.config"] = to_json(large);
  };
  says(refused(Status::format, inflate), "this model's is [4096");
}

}  // namespace
}  // namespace vae
