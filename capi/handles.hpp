// What the opaque handles of vae.h are, and the rule that one trainer serves
// one thread at a time.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "guard.hpp"
#include "vae/vae.hpp"

struct vae_dataset {
  vae::Dataset images;
};

struct vae_trainer {
  explicit vae_trainer(vae::Trainer made)
      : trainer(std::move(made)), latent(trainer.config().latent) {}

  vae::Trainer trainer;
  const std::uint32_t latent;
  /// The thread inside a call; none when idle.
  std::atomic<std::thread::id> owner{};
  /// True while that thread is inside the host's progress callback.
  bool in_callback = false;
};

namespace vae::capi {

/// Whether a call may be made from a progress callback of the same trainer.
enum class FromCallback { allowed, busy };

/// The right to use a trainer, held for the length of a call. Throws
/// Error(busy) where there is none to be had.
class Claim {
 public:
  Claim(vae_trainer* handle, FromCallback from_callback);
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  Trainer* operator->() const { return &handle_->trainer; }
  vae_trainer& handle() const { return *handle_; }
  /// Ends the claim without giving the trainer back: it is to be deleted.
  vae_trainer* keep() {
    vae_trainer* const kept = handle_;
    handle_ = nullptr;
    return kept;
  }

 private:
  vae_trainer* handle_;
  bool nested_ = false;
};

/// While it lives, the claimed trainer's thread is in the host's callback.
class CallbackScope {
 public:
  explicit CallbackScope(vae_trainer& handle) : handle_(handle) {
    handle_.in_callback = true;
  }
  ~CallbackScope() { handle_.in_callback = false; }
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;

 private:
  vae_trainer& handle_;
};

/// Sets `*result` to NULL, runs `make` for a value to construct a Handle from,
/// and hands the new handle to the host.
template <class Handle, class Make>
void hand_out(Handle** result, const char* name, Make&& make) {
  need(result, name);
  *result = nullptr;
  *result = std::make_unique<Handle>(make()).release();
}

}  // namespace vae::capi
