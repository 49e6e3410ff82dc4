// The exports of vae.h's group "inference".
#include "convert.hpp"
#include "guard.hpp"
#include "handles.hpp"

using namespace vae::capi;

namespace {

void need_one(const void* first, const void* second, const char* names) {
  if (!first && !second) refuse(vae::Status::argument, names, " are both NULL");
}

}  // namespace

vae_status vae_encode(vae_trainer* trainer, const vae_batch* images,
                      vae_output* mean, vae_output* logvar) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    const vae::Batch rows = read_batch(images, "images");
    need_one(mean, logvar, "mean and logvar");
    OptionalOutput means(mean, "mean"), logvars(logvar, "logvar");
    claim->encode(rows, means.view(), logvars.view());
    means.commit();
    logvars.commit();
  });
}

vae_status vae_decode(vae_trainer* trainer, const vae_batch* codes,
                      vae_output* images) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    const vae::Batch rows = read_batch(codes, "codes");
    OutputBuffer buffer(images, "images");
    claim->decode(rows, buffer.view());
    buffer.commit();
  });
}

vae_status vae_sample(vae_trainer* trainer, const vae_sampling* sampling,
                      vae_output* images) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    const vae::Sampling wanted = read_sampling(sampling);
    OutputBuffer buffer(images, "images");
    claim->sample(wanted, buffer.view());
    buffer.commit();
  });
}

vae_status vae_reconstruct(vae_trainer* trainer, const vae_batch* images,
                           vae_output* output) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    const vae::Batch rows = read_batch(images, "images");
    OutputBuffer buffer(output, "output");
    claim->reconstruct(rows, buffer.view());
    buffer.commit();
  });
}

vae_status vae_score(vae_trainer* trainer, const vae_batch* batch,
                     vae_output* reconstruction, vae_output* kl) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    const vae::Batch rows = read_batch(batch, "batch");
    need_one(reconstruction, kl, "reconstruction and kl");
    OptionalOutput losses(reconstruction, "reconstruction"), kls(kl, "kl");
    claim->score(rows, losses.view(), kls.view());
    losses.commit();
    kls.commit();
  });
}
