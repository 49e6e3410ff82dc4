// Files of 0.1.0, kept in golden/: an untrained model and checkpoint keep their
// bytes, a trained checkpoint can be loaded and is saved as it was, and
// training gives its numbers again up to rounding, which is the processor's.
// With VAE_WRITE_GOLDEN=1 in the environment the files are written instead.
#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "io/file.hpp"
#include "io/safetensors.hpp"
#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

struct Case {
  const char* name;
  Config config;
};

/// Both engines, both kinds of network, both likelihoods.
std::vector<Case> cases() {
  Config tile = testing::small_conv();
  tile.layers = {16, 16};
  tile.engine = EngineKind::tile;
  Config gaussian = testing::small_dense();
  gaussian.likelihood = Likelihood::gaussian;
  gaussian.gaussian_sigma = 0.25;
  gaussian.sum_gradient = false;
  gaussian.clip_norm = 1.0;
  gaussian.weight_decay = 0.01;
  return {{"conv", testing::small_conv()},
          {"tile", tile},
          {"dense", testing::small_dense()},
          {"gaussian", gaussian}};
}

std::string path_of(const Case& c, const char* what) {
  return std::string(VAE_GOLDEN) + "/" + c.name + "-" + what + ".safetensors";
}

bool writes() { return std::getenv("VAE_WRITE_GOLDEN") != nullptr; }

void same_bytes(const std::vector<std::byte>& bytes, const std::string& path) {
  CAPTURE(path);
  if (writes()) return io::write_file_atomically(path, bytes);
  const bool same = bytes == io::read_file(path);
  CHECK(same);
}

Trainer trained(const Config& config) {
  Trainer trainer(config);
  const auto images = testing::some_images(8);
  for (int step = 0; step < 3; ++step)
    trainer.train_step(testing::batch_of(images));
  return trainer;
}

std::vector<float> floats_of(const io::Tensor& tensor) {
  if (tensor.dtype != "F32") return {};  // counters
  std::vector<float> values(tensor.data.size() / sizeof(float));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

}  // namespace

TEST_CASE("untrained models and checkpoints keep their bytes") {
  for (const Case& c : cases()) {
    Trainer trainer(c.config);
    same_bytes(trainer.save(SaveWhat::model), path_of(c, "model"));
    same_bytes(trainer.save(SaveWhat::checkpoint), path_of(c, "checkpoint"));
  }
}

TEST_CASE("a trained checkpoint of 0.1.0 loads and saves to the same bytes") {
  for (const Case& c : cases()) {
    const std::string path = path_of(c, "trained");
    CAPTURE(path);
    if (writes()) trained(c.config).save(path, SaveWhat::checkpoint);
    Trainer trainer = Trainer::load(path, &c.config);
    same_bytes(trainer.save(SaveWhat::checkpoint), path);
    CHECK(trainer.get(Key::updates) == 3);
  }
}

TEST_CASE("training gives the numbers of 0.1.0 up to rounding") {
  for (const Case& c : cases()) {
    const auto old =
        io::read_safetensors(io::read_file(path_of(c, "trained")), "golden");
    const auto now = io::read_safetensors(
        trained(c.config).save(SaveWhat::checkpoint), "now");
    CHECK(now.metadata == old.metadata);
    REQUIRE(now.tensors.size() == old.tensors.size());
    for (const auto& [name, tensor] : now.tensors) {
      CAPTURE(c.name);
      CAPTURE(name);
      const auto is = floats_of(tensor), was = floats_of(old.tensors.at(name));
      REQUIRE(is.size() == was.size());
      for (std::size_t i = 0; i < is.size(); ++i)
        // A gradient may be only rounding; then Adam's three steps may have any
        // direction.
        CHECK(std::abs(is[i] - was[i]) <= 0.0035f + 1e-3f * std::abs(was[i]));
    }
  }
}

}  // namespace vae
