// The loops that are timed. Everything is prepared before the Work is returned,
// so that a round holds calls of vae.h and nothing else.
#include "workloads.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

namespace bench {
namespace {

std::uint64_t pixels(const vae_config& config) {
  return std::uint64_t{config.channels} * config.height * config.width;
}

std::uint64_t whole_batches(std::uint64_t batch, std::uint64_t images) {
  if (images < batch) {
    throw Failure("--images is " + std::to_string(images) +
                  ", less than one batch of " + std::to_string(batch));
  }
  return images / batch;
}

/// Work that does `call(0)`, `call(1)` and so on.
template <class Call>
Work repeat(Call call) {
  return [call = std::move(call)](std::uint64_t calls) mutable {
    for (std::uint64_t i = 0; i < calls; ++i) check(call(i));
  };
}

}  // namespace

void check(vae_status status) {
  if (status != VAE_OK) throw Failure(vae_last_error());
}

std::vector<std::uint8_t> noise(std::uint64_t bytes) {
  std::vector<std::uint8_t> made(bytes);
  std::uint32_t index = 0;
  for (std::uint8_t& byte : made) {
    std::uint32_t x = index++ + 0x9e3779b9u;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    byte = static_cast<std::uint8_t>(x >> 24);
  }
  return made;
}

Work train_steps(vae_trainer* trainer, const vae_config& config,
                 std::uint64_t batch, std::uint64_t images) {
  const std::uint64_t batches = whole_batches(batch, images);
  const std::uint64_t stride = batch * pixels(config);
  const auto data =
      std::make_shared<std::vector<std::uint8_t>>(noise(batches * stride));
  return [=, next = std::uint64_t{0}](std::uint64_t steps) mutable {
    for (std::uint64_t i = 0; i < steps; ++i) {
      const vae_batch rows = vae_view_u8(
          data->data() + (next++ % batches) * stride, batch, pixels(config));
      check(vae_train_step(trainer, &rows, nullptr));
    }
    check(vae_synchronize(trainer));
  };
}

Work train_epochs(vae_trainer* trainer, const vae_config& config,
                  std::uint64_t batch, std::uint64_t images) {
  const std::uint64_t count = whole_batches(batch, images) * batch;
  const std::vector<std::uint8_t> data = noise(count * pixels(config));
  const vae_batch all = vae_view_u8(data.data(), count, pixels(config));
  const std::uint32_t shape[3] = {config.channels, config.height, config.width};
  vae_dataset* made = nullptr;
  check(vae_dataset_from_memory(&all, shape, &made));
  const Dataset set(made, Destroy{});
  return [=](std::uint64_t steps) {
    vae_run run = vae_default_run();
    run.batch_size = batch;
    // A call ends with its epoch at the latest.
    for (std::uint64_t done = 0; done < steps;) {
      vae_metrics metrics = vae_no_metrics();
      run.max_steps = steps - done;
      check(vae_train_epoch(trainer, set.get(), &run, &metrics));
      if (metrics.steps == 0 || metrics.images != metrics.steps * batch) {
        throw Failure("an epoch reported " + std::to_string(metrics.steps) +
                      " steps of " + std::to_string(metrics.images) +
                      " images in batches of " + std::to_string(batch));
      }
      done += metrics.steps;
    }
  };
}

Work encode(vae_trainer* trainer, const vae_config& config,
            std::uint64_t batch) {
  const std::uint64_t row = pixels(config);
  return repeat([=, data = noise(batch * row),
                 means = std::vector<float>(batch * config.latent),
                 logvars = std::vector<float>(batch * config.latent)](
                    std::uint64_t) mutable {
    const vae_batch rows = vae_view_u8(data.data(), batch, row);
    vae_output mean = vae_output_f32(means.data(), means.size());
    vae_output logvar = vae_output_f32(logvars.data(), logvars.size());
    return vae_encode(trainer, &rows, &mean, &logvar);
  });
}

Work decode(vae_trainer* trainer, const vae_config& config,
            std::uint64_t batch) {
  const std::uint64_t latent = config.latent;
  const std::vector<std::uint8_t> bytes = noise(batch * latent);
  std::vector<float> codes(bytes.size());
  std::transform(bytes.begin(), bytes.end(), codes.begin(),
                 [](std::uint8_t byte) {
                   return static_cast<float>(byte) / 64.0f - 2.0f;
                 });
  return repeat([=, images = std::vector<float>(batch * pixels(config))](
                    std::uint64_t) mutable {
    const vae_batch rows = vae_view_f32(codes.data(), batch, latent);
    vae_output output = vae_output_f32(images.data(), images.size());
    return vae_decode(trainer, &rows, &output);
  });
}

Work sample(vae_trainer* trainer, const vae_config& config,
            std::uint64_t batch) {
  return repeat([=, images = std::vector<float>(batch * pixels(config))](
                    std::uint64_t call) mutable {
    vae_output output = vae_output_f32(images.data(), images.size());
    const vae_sampling codes = vae_draw(batch, call);
    return vae_sample(trainer, &codes, &output);
  });
}

Work get(vae_trainer* trainer) {
  return repeat([=](std::uint64_t) {
    double value = 0;
    return vae_get(trainer, VAE_LEARNING_RATE, &value);
  });
}

Work synchronize(vae_trainer* trainer) {
  return repeat([=](std::uint64_t) { return vae_synchronize(trainer); });
}

Work at_once(std::vector<Work> works) {
  return [works = std::move(works)](std::uint64_t steps) {
    std::vector<std::exception_ptr> failures(works.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < works.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          works[i](steps);
        } catch (...) {
          failures[i] = std::current_exception();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
  };
}

}  // namespace bench
