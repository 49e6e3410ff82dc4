// The opaque handles of vae.h, and the rule that one trainer serves one thread
// at a time.
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
  /// The thread that is inside a call; default when idle.
  std::atomic<std::thread::id> owner{};
  /// True while that thread runs the host's progress callback.
  bool in_callback = false;
};

namespace vae::capi {

/// Whether a call may be made from a progress callback of the same trainer.
enum class FromCallback { allowed, busy };

/// Exclusive use of a trainer for the length of a call. Throws Error(busy) if
/// another call has it.
class Claim {
 public:
  Claim(vae_trainer* handle, FromCallback from_callback);
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  Trainer* operator->() const { return &handle_->trainer; }
  vae_trainer& handle() const { return *handle_; }
  /// Ends the claim without releasing the trainer, which the caller deletes.
  vae_trainer* keep() {
    vae_trainer* const kept = handle_;
    handle_ = nullptr;
    return kept;
  }

 private:
  vae_trainer* handle_;
  bool nested_ = false;
};

/// Marks the claimed trainer as inside the host's callback for a scope.
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

/// Sets `*result` to NULL, then to a new Handle constructed from `make()`.
template <class Handle, class Make>
void hand_out(Handle** result, const char* name, Make&& make) {
  need(result, name);
  *result = nullptr;
  *result = std::make_unique<Handle>(make()).release();
}

}  // namespace vae::capi
