// How many of our kernels a step of the original network starts and how many
// bytes they must move, counted from the launches themselves. The table in
// docs/kernels.md is this one; nothing is computed here.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>

#include "emulation/runtime.hpp"
#include "engine/cuda/launches.hpp"
#include "kernels/engine_subject.hpp"

namespace vae::engine {
namespace {

using cuda::Launch;

/// Notes launches and skips the kernels, while it lives.
class Watch {
 public:
  Watch() {
    cuda::watched_launches() = &list;
    emulation::skip_kernels(true);
  }
  ~Watch() {
    cuda::watched_launches() = nullptr;
    emulation::skip_kernels(false);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  std::vector<Launch> list;
};

/// One step on 64 images of a data set, as the original network takes it.
std::vector<Launch> launches_of(EngineKind kind, Precision precision) {
  Config config;
  config.engine = kind;
  config.precision = precision;
  config.threads = 2;
  const Watch watch;
  Subject s(config, engine_device_under_test());
  const Buffer images = s.device->allocate(64 * 784);
  RowSource rows;
  rows.data = images.get();
  rows.type = ElementType::uint8;
  rows.place = Place::resident;
  rows.count = 64;
  s.engine->step({rows, 0}, 1);  // the first also sets things up
  cuda::watched_launches()->clear();
  s.engine->step({rows, 0}, 1);
  return *cuda::watched_launches();
}

struct Total {
  int count = 0;
  std::int64_t bytes = 0;
};

std::string row_of(const std::string& name, const Total& fp32,
                   const Total& bf16) {
  char text[120];
  std::snprintf(text, sizeof text, "| %s | %d | %.2f | %.2f |\n", name.c_str(),
                fp32.count, static_cast<double>(fp32.bytes) * 1e-6,
                static_cast<double>(bf16.bytes) * 1e-6);
  return text;
}

/// A line for each kernel, in the order in which they first start.
std::string table_of(EngineKind kind) {
  const auto fp32 = launches_of(kind, Precision::fp32);
  const auto bf16 = launches_of(kind, Precision::bf16);
  REQUIRE_EQ(fp32.size(), bf16.size());
  std::vector<std::string> names;
  std::map<std::string, Total> sums[2];
  Total all[2];
  for (int which = 0; which < 2; ++which)
    for (const Launch& launch : which == 0 ? fp32 : bf16) {
      Total& sum = sums[which][launch.name];
      if (which == 0 && sum.count == 0) names.push_back(launch.name);
      sum.count += 1, all[which].count += 1;
      sum.bytes += launch.bytes, all[which].bytes += launch.bytes;
    }
  std::string text;
  for (const std::string& name : names)
    text += row_of(name, sums[0][name], sums[1][name]);
  return text + row_of("together", all[0], all[1]);
}

}  // namespace

TEST_CASE("docs/kernels.md has the launches of a step") {
  std::ifstream in(VAE_TEST_DATA "/../../docs/kernels.md");
  REQUIRE(in.good());
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  for (const EngineKind kind : {EngineKind::blocks, EngineKind::fused}) {
    const std::string table = table_of(kind);
    CHECK_MESSAGE(page.find(table) != std::string::npos,
                  "docs/kernels.md lacks this table:\n", table);
  }
}

}  // namespace vae::engine
