// What vae_bench repeats: training steps, or calls of inference, over vae.h.
// Each workload owns its data; it measures nothing and prints nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "vae.h"

namespace bench {

/// A call of vae.h that failed; the text is the library's own.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws Failure with the library's text unless `status` is VAE_OK.
void check(vae_status status);

struct Destroy {
  void operator()(vae_trainer* trainer) const noexcept { vae_destroy(trainer); }
};
using Trainer = std::unique_ptr<vae_trainer, Destroy>;

/// Does this many steps (or calls) and waits until they are done.
using Work = std::function<void(std::uint64_t steps)>;

/// The modes, of which the first two train:
/// - step: vae_train_step() from host memory, batch after batch of `images`
///   images;
/// - epoch: vae_train_epoch() over a data set of `images` images, rounded down
///   to whole batches; it goes to the device with the first step;
/// - encode, decode, sample: one call with `batch` rows;
/// - get, synchronize: the overhead of the C API itself.
Work make_work(const std::string& mode, vae_trainer* trainer,
               const vae_config& config, std::uint64_t batch,
               std::uint64_t images);

/// All of `works` at once, each on a thread of its own for the time of a call.
/// Each does all the steps.
Work at_once(std::vector<Work> works);

}  // namespace bench
