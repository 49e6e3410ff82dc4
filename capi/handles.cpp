// A thread claims a trainer by compare-and-swap, so a second thread is rejected
// before it accesses the trainer.
#include "handles.hpp"

namespace vae::capi {

Claim::Claim(vae_trainer* handle, FromCallback from_callback)
    : handle_(handle) {
  need(handle, "trainer");
  const std::thread::id self = std::this_thread::get_id();
  std::thread::id owner{};
  if (handle->owner.compare_exchange_strong(owner, self,
                                            std::memory_order_acquire))
    return;
  if (owner != self)
    refuse(Status::busy, "the trainer is in use by another thread");
  if (!handle->in_callback)
    refuse(Status::busy, "the trainer is inside another call of this thread");
  if (from_callback == FromCallback::busy)
    refuse(Status::busy,
           "a progress callback may not train, evaluate or destroy the trainer "
           "that it belongs to");
  // A call from a callback clears the flag, so that no further call can nest.
  nested_ = true;
  handle->in_callback = false;
}

Claim::~Claim() {
  if (!handle_) return;
  if (nested_)
    handle_->in_callback = true;
  else
    handle_->owner.store(std::thread::id{}, std::memory_order_release);
}

}  // namespace vae::capi
