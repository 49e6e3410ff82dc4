// See recorder.hpp.
#include "engine/recorder.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"

namespace vae::engine {

Recorder::Recorder(std::unique_ptr<Capturer> capturer, Graph mode)
    : capturer_(mode == Graph::off ? nullptr : std::move(capturer)),
      mode_(mode) {
  require(mode != Graph::on || capturer_ != nullptr, Status::unsupported,
          "graph is on, but steps can be recorded on CUDA devices only");
}

// At most kKept keys are remembered, the latest first: the oldest goes, with
// its recording.
void Recorder::run(const WorkKey& key, const std::function<void()>& work) {
  if (!records()) return work();
  auto found = std::find_if(entries_.begin(), entries_.end(),
                            [&](const Entry& e) { return e.key == key; });
  if (found == entries_.end()) {
    work();
    // Only now: a first run that failed is a first run again.
    entries_.push_front({key, nullptr});
    if (entries_.size() > kKept) entries_.pop_back();
    return;
  }
  entries_.splice(entries_.begin(), entries_, found);
  if (found->recording == nullptr) found->recording = record(work);
  found->recording != nullptr ? found->recording->replay() : work();
}

// Work that cannot be recorded is not tried again: it would fail in every step.
std::unique_ptr<Recording> Recorder::record(const std::function<void()>& work) {
  try {
    return capturer_->capture(work);
  } catch (const Error& error) {
    require(mode_ != Graph::on, Status::unsupported,
            "graph is on, but this work cannot be recorded: ", error.what());
    refusal_ = error.what();
    log(LogLevel::warning, "steps are not recorded as CUDA graphs, because ",
        refusal_);
    return nullptr;
  }
}

void Recorder::forget() { entries_.clear(); }

// Keys that have only run once are left out: they have no recording yet.
std::string Recorder::describe() const {
  nlohmann::ordered_json json;
  json["used"] = records();
  if (!refusal_.empty()) json["why_not"] = refusal_;
  json["recordings"] = nlohmann::ordered_json::array();
  for (const Entry& entry : entries_) {
    if (entry.recording == nullptr) continue;
    json["recordings"].push_back({{"what", entry.key.what},
                                  {"images", entry.key.images},
                                  {"steps", entry.key.steps},
                                  {"kernels", entry.recording->kernels()}});
  }
  return json.dump();
}

}  // namespace vae::engine
