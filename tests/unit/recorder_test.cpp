// When work is run, recorded and replayed, with a capturer that keeps a list of
// events instead of a graph.
#include "engine/recorder.hpp"

#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "unit/testing.hpp"

namespace vae::engine {
namespace {

using List = std::vector<std::string>;

class ListedRecording final : public Recording {
 public:
  explicit ListedRecording(List& list) : list_(list) {}
  ~ListedRecording() override { list_.push_back("drop"); }
  void replay() override { list_.push_back("replay"); }
  std::int64_t kernels() const override { return 3; }

 private:
  List& list_;
};

class ListingCapturer final : public Capturer {
 public:
  ListingCapturer(List& list, const std::string& failure)
      : list_(list), failure_(failure) {}
  std::unique_ptr<Recording> capture(
      const std::function<void()>& work) override {
    list_.push_back("capture");
    work();
    require(failure_.empty(), Status::device, failure_);
    return std::make_unique<ListedRecording>(list_);
  }

 private:
  List& list_;
  std::string failure_;
};

struct Recorded {
  explicit Recorded(Graph mode = Graph::automatic,
                    const std::string& failure = {})
      : recorder(std::make_unique<ListingCapturer>(list, failure), mode) {}
  List run(const WorkKey& key) {
    list.clear();
    recorder.run(key, [&] { list.push_back("work"); });
    return list;
  }
  List list;
  Recorder recorder;
};

const WorkKey kKey{"train", 64};

}  // namespace

TEST_CASE("work is run first, recorded the second time, then replayed") {
  Recorded r;
  CHECK(r.run(kKey) == List{"work"});
  CHECK(r.run(kKey) == List{"capture", "work", "replay"});
  CHECK(r.run(kKey) == List{"replay"});
  CHECK(r.run(kKey) == List{"replay"});
}

TEST_CASE("every field of the key selects a recording of its own") {
  Recorded r;
  const int here = 0;
  for (const WorkKey& other :
       {WorkKey{"encode", 64}, WorkKey{"train", 63}, WorkKey{"train", 64, 8},
        WorkKey{"train", 64, 1, &here}, WorkKey{"train", 64, 1, nullptr, 2},
        WorkKey{"train", 64, 1, nullptr, 0, 5}}) {
    CAPTURE(other.what);
    (void)r.run(kKey);
    (void)r.run(kKey);
    CHECK(r.run(other) == List{"work"});
  }
}

TEST_CASE("the recordings used last are kept, as many as fit") {
  Recorded r;
  const auto key = [](std::size_t i) {
    return WorkKey{"train", static_cast<std::int64_t>(i)};
  };
  for (std::size_t i = 0; i < Recorder::kKept; ++i) {
    (void)r.run(key(i));
    (void)r.run(key(i));
  }
  CHECK(r.run(key(0)) == List{"replay"});  // now the oldest is 1
  CHECK(r.run(key(99)) == List{"work", "drop"});
  CHECK(r.run(key(0)) == List{"replay"});
  CHECK(r.run(key(1)) == List{"work", "drop"});
}

TEST_CASE("recordings are dropped when their memory moves") {
  Recorded r;
  (void)r.run(kKey);
  (void)r.run(kKey);
  r.recorder.forget();
  CHECK(r.run(kKey) == List{"work"});
}

TEST_CASE("a first run that fails is a first run again") {
  Recorded r;
  CHECK_THROWS_AS(r.recorder.run(kKey, [] { fail(Status::memory, "full"); }),
                  Error);
  CHECK(r.run(kKey) == List{"work"});
}

TEST_CASE("if recording fails, the work is run, and the reason is kept") {
  Recorded r(Graph::automatic, "not allowed");
  (void)r.run(kKey);
  CHECK(r.run(kKey) == List{"capture", "work", "work"});
  CHECK_FALSE(r.recorder.records());
  CHECK(r.run(kKey) == List{"work"});
  CHECK(r.run({"train", 5}) == List{"work"});
  const auto json = nlohmann::json::parse(r.recorder.describe());
  CHECK_EQ(json["used"], false);
  CHECK_EQ(json["why_not"], "not allowed");
}

TEST_CASE("graph on: a failed recording is an error") {
  Recorded r(Graph::on, "not allowed");
  (void)r.run(kKey);
  const std::string text =
      testing::error_of(Status::unsupported, [&] { (void)r.run(kKey); });
  testing::says(text, "graph is on");
  testing::says(text, "not allowed");
  testing::says(testing::error_of(Status::unsupported,
                                  [] { Recorder(nullptr, Graph::on); }),
                "CUDA");
}

TEST_CASE("graph off, or no capturer: the work is run") {
  Recorded off(Graph::off);
  Recorder none(nullptr, Graph::automatic);
  for (int i = 0; i < 3; ++i) {
    CHECK(off.run(kKey) == List{"work"});
    int runs = 0;
    none.run(kKey, [&] { ++runs; });
    CHECK_EQ(runs, 1);
  }
  CHECK_FALSE(off.recorder.records());
  CHECK_FALSE(none.records());
}

TEST_CASE("recordings are listed") {
  Recorded r;
  (void)r.run({"train", 64, 8});
  (void)r.run({"train", 64, 8});
  (void)r.run({"train", 32});
  const auto json = nlohmann::json::parse(r.recorder.describe());
  CHECK_EQ(json["used"], true);
  REQUIRE_EQ(json["recordings"].size(), 1);
  CHECK_EQ(json["recordings"][0]["what"], "train");
  CHECK_EQ(json["recordings"][0]["images"], 64);
  CHECK_EQ(json["recordings"][0]["steps"], 8);
  CHECK_EQ(json["recordings"][0]["kernels"], 3);
}

}  // namespace vae::engine
