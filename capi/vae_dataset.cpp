// The exports of vae.h's group "dataset" but for vae_cancel().
#include <algorithm>

#include "convert.hpp"
#include "guard.hpp"
#include "handles.hpp"
#include "sized.hpp"

using namespace vae::capi;

namespace {

void read_labels(const vae::Dataset& set, std::uint64_t first,
                 std::uint64_t count, std::int32_t* labels) {
  const auto part = set.labels().subspan(first, count);
  std::copy(part.begin(), part.end(), labels);
}

void check_labels(const vae::Dataset& set, std::uint64_t count,
                  std::uint64_t label_bytes) {
  if (set.labels().empty())
    refuse(vae::Status::argument, "labels is set, but this dataset has none");
  if (label_bytes / sizeof(std::int32_t) < count)
    refuse(vae::Status::too_small, "label_bytes is ", label_bytes,
           "; needed: ", count * sizeof(std::int32_t));
}

void check_part(const vae::Dataset& set, std::uint64_t first,
                std::uint64_t count) {
  if (count == 0 || first >= set.size() || count > set.size() - first)
    refuse(vae::Status::argument, "first is ", first, " and count is ", count,
           "; the dataset has images 0 to ", set.size() - 1);
}

/// Runs `go` with the host's run and metrics. Holds its own reference to the
/// images, because the host's callback may destroy its dataset.
template <class Go>
void go_through(const Claim& claim, const vae_dataset* dataset,
                const vae_run* run, vae_metrics* metrics, Go&& go) {
  need(dataset, "dataset");
  const vae_run given = run ? read(run, "run") : Sized<vae_run>::defaults();
  if (metrics) check_metrics(metrics, claim.handle().latent);
  vae::Run wanted{given.batch_size, given.max_steps, given.every_steps, {}};
  if (given.progress) {
    wanted.progress = [&](const vae::Progress& now) {
      const vae_progress told = to_c(now);
      const CallbackScope scope(claim.handle());
      return given.progress(&told, given.user) == 0;
    };
  }
  const vae::Dataset images = dataset->images;
  const vae::Metrics result = go(images, wanted);
  if (metrics) write_metrics(metrics, result);
}

}  // namespace

vae_status vae_dataset_open(const char* path, const char* labels_path,
                            vae_dataset** dataset) {
  return guard(__func__, [&] {
    hand_out(dataset, "dataset", [&] {
      need(path, "path");
      return vae_dataset{
          vae::Dataset::open(path, labels_path ? labels_path : "")};
    });
  });
}

vae_status vae_dataset_from_memory(const vae_batch* all,
                                   const uint32_t* shape_chw,
                                   vae_dataset** dataset) {
  return guard(__func__, [&] {
    hand_out(dataset, "dataset", [&] {
      const Labelled given = read_labelled(all, "all");
      return vae_dataset{vae::Dataset::from_memory(
          given.batch, read_shape(shape_chw), given.labels)};
    });
  });
}

vae_status vae_dataset_info(vae_dataset* dataset, uint64_t* count,
                            uint32_t* shape_chw, uint32_t* classes) {
  return guard(__func__, [&] {
    need(dataset, "dataset");
    const vae::Dataset& set = dataset->images;
    if (count) *count = set.size();
    if (shape_chw) std::copy(set.shape().begin(), set.shape().end(), shape_chw);
    if (classes) *classes = set.classes();
  });
}

vae_status vae_dataset_read(vae_dataset* dataset, uint64_t first,
                            uint64_t count, vae_output* images, int32_t* labels,
                            uint64_t label_bytes) {
  return guard(__func__, [&] {
    need(dataset, "dataset");
    const vae::Dataset& set = dataset->images;
    if (!images && !labels)
      refuse(vae::Status::argument, "images and labels are both NULL");
    check_part(set, first, count);
    if (labels) check_labels(set, count, label_bytes);
    if (images) {
      OutputBuffer buffer(images, "images");
      set.read(first, count, buffer.view());
      buffer.commit();
    }
    if (labels) read_labels(set, first, count, labels);
  });
}

void vae_dataset_destroy(vae_dataset* dataset) {
  guard(__func__, [&] { delete dataset; });
}

vae_status vae_train_epoch(vae_trainer* trainer, vae_dataset* dataset,
                           const vae_run* run, vae_metrics* metrics) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::busy);
    go_through(claim, dataset, run, metrics,
               [&](const vae::Dataset& images, const vae::Run& wanted) {
                 return claim->train_epoch(images, wanted);
               });
  });
}

vae_status vae_evaluate(vae_trainer* trainer, vae_dataset* dataset,
                        const vae_run* run, vae_metrics* metrics) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::busy);
    go_through(claim, dataset, run, metrics,
               [&](const vae::Dataset& images, const vae::Run& wanted) {
                 return claim->evaluate(images, wanted);
               });
  });
}
