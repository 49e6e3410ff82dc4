// The exports of vae.h's groups "lifetime" and "training".
#include "convert.hpp"
#include "guard.hpp"
#include "handles.hpp"
#include "sized.hpp"

using namespace vae::capi;

namespace {

vae::SaveWhat read_save_what(std::int32_t what) {
  check_choice("", "what", what,
               {{VAE_SAVE_MODEL, "VAE_SAVE_MODEL"},
                {VAE_SAVE_CHECKPOINT, "VAE_SAVE_CHECKPOINT"}});
  return static_cast<vae::SaveWhat>(what);
}

static_assert(static_cast<int>(vae::Key::learning_rate) == VAE_LEARNING_RATE);
static_assert(static_cast<int>(vae::Key::kl_weight) == VAE_KL_WEIGHT);
static_assert(static_cast<int>(vae::Key::step) == VAE_STEP);
static_assert(static_cast<int>(vae::Key::updates) == VAE_UPDATES);
static_assert(static_cast<int>(vae::Key::epoch) == VAE_EPOCH);
static_assert(static_cast<int>(vae::SaveWhat::model) == VAE_SAVE_MODEL);
static_assert(static_cast<int>(vae::SaveWhat::checkpoint) ==
              VAE_SAVE_CHECKPOINT);

vae::Key read_key(std::int32_t key) {
  if (key == VAE_PHASE)
    refuse(vae::Status::unsupported, "key is ", key,
           " (VAE_PHASE); this version has no model with several phases");
  check_choice("", "key", key,
               {{VAE_LEARNING_RATE, "VAE_LEARNING_RATE"},
                {VAE_KL_WEIGHT, "VAE_KL_WEIGHT"},
                {VAE_STEP, "VAE_STEP"},
                {VAE_UPDATES, "VAE_UPDATES"},
                {VAE_EPOCH, "VAE_EPOCH"}});
  return static_cast<vae::Key>(key);
}

/// Calls `load` with a pointer to the host's configuration, or null.
template <class Load>
vae::Trainer load_with(const vae_config* config, Load&& load) {
  if (!config) return load(nullptr);
  const vae::Config given = read_config(config);
  return load(&given);
}

}  // namespace

vae_status vae_create(const vae_config* config, vae_trainer** trainer) {
  return guard(__func__, [&] {
    hand_out(trainer, "trainer",
             [&] { return vae::Trainer(read_config(config)); });
  });
}

vae_status vae_load(const char* path, const vae_config* config,
                    vae_trainer** trainer) {
  return guard(__func__, [&] {
    hand_out(trainer, "trainer", [&] {
      need(path, "path");
      return load_with(config, [&](const vae::Config* given) {
        return vae::Trainer::load(path, given);
      });
    });
  });
}

vae_status vae_load_memory(const void* data, uint64_t bytes,
                           const vae_config* config, vae_trainer** trainer) {
  return guard(__func__, [&] {
    hand_out(trainer, "trainer", [&] {
      need(data, "data");
      const std::span file(static_cast<const std::byte*>(data), bytes);
      return load_with(config, [&](const vae::Config* given) {
        return vae::Trainer::load(file, given);
      });
    });
  });
}

vae_status vae_save(vae_trainer* trainer, const char* path, int32_t what) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    need(path, "path");
    claim->save(path, read_save_what(what));
  });
}

vae_status vae_save_memory(vae_trainer* trainer, int32_t what, void* data,
                           uint64_t capacity, uint64_t* needed) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    write_bytes(claim->save(read_save_what(what)), data, capacity, needed);
  });
}

void vae_destroy(vae_trainer* trainer) {
  guard(__func__, [&] {
    if (!trainer) return;
    Claim claim(trainer, FromCallback::busy);
    delete claim.keep();
  });
}

vae_status vae_get_config(vae_trainer* trainer, vae_config* config) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    check_writable(config);
    write(config, to_c(claim->config()));
  });
}

vae_status vae_train_step(vae_trainer* trainer, const vae_batch* batch,
                          vae_metrics* metrics) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::busy);
    const vae::Batch images = read_batch(batch, "batch");
    if (!metrics) return claim->train_step(images);
    check_metrics(metrics, claim.handle().latent);
    vae::Metrics result;
    claim->train_step(images, &result);
    write_metrics(metrics, result);
  });
}

vae_status vae_eval_step(vae_trainer* trainer, const vae_batch* batch,
                         vae_metrics* metrics) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::busy);
    const vae::Batch images = read_batch(batch, "batch");
    check_metrics(metrics, claim.handle().latent);
    write_metrics(metrics, claim->eval_step(images));
  });
}

vae_status vae_read_metrics(vae_trainer* trainer, vae_metrics* metrics) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::busy);
    check_metrics(metrics, claim.handle().latent);
    write_metrics(metrics, claim->read_metrics());
  });
}

vae_status vae_synchronize(vae_trainer* trainer) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    claim->synchronize();
  });
}

vae_status vae_set(vae_trainer* trainer, int32_t key, double value) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    claim->set(read_key(key), value);
  });
}

vae_status vae_get(vae_trainer* trainer, int32_t key, double* value) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    const vae::Key known = read_key(key);
    need(value, "value");
    *value = claim->get(known);
  });
}

vae_status vae_cancel(vae_trainer* trainer, int32_t on) {
  return guard(__func__, [&] {
    need(trainer, "trainer");
    check_choice("", "on", on, {{0, "clear"}, {1, "stop"}});
    trainer->trainer.cancel(on == 1);
  });
}
