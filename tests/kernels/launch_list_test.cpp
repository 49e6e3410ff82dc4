// Counts the launches of libvae's kernels in a step of the original network,
// and the bytes that they must move, and compares them with the table in
// docs/kernels.md. The kernels do not run.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>

#include "emulation/runtime.hpp"
#include "engine/cuda/launch.cuh"
#include "kernels/engine_subject.hpp"

namespace vae::engine {
namespace {

using cuda::Launch;

/// Records launches and skips the kernels as long as it exists.
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

/// One step of the original network on 64 images of a dataset.
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
  s.step({rows, 0}, 1);  // the first also sets things up
  cuda::watched_launches()->clear();
  s.step({rows, 0}, 1);
  return *cuda::watched_launches();
}

struct Total {
  int count = 0;
  std::int64_t bytes = 0;
};

/// A kernel's launches and bytes in each precision.
using Columns = std::vector<Total>;

std::string row_of(const std::string& name, const Columns& columns) {
  std::string row = "| " + name + " | " + std::to_string(columns[0].count);
  for (const Total& total : columns) {
    char text[40];
    std::snprintf(text, sizeof text, " | %.2f",
                  static_cast<double>(total.bytes) * 1e-6);
    row += text;
  }
  return row + " |\n";
}

/// A line for each kernel, in the order of the first launch. All precisions
/// launch the same kernels.
std::string table_of(EngineKind kind,
                     const std::vector<Precision>& precisions) {
  std::vector<std::string> names;
  std::map<std::string, Columns> sums;
  Columns all(precisions.size());
  for (std::size_t i = 0; i < precisions.size(); ++i)
    for (const Launch& launch : launches_of(kind, precisions[i])) {
      Columns& sum = sums[launch.name];
      if (sum.empty()) {
        REQUIRE_EQ(i, 0);
        names.push_back(launch.name);
        sum.resize(precisions.size());
      }
      for (Total* total : {&sum[i], &all[i]})
        total->count += 1, total->bytes += launch.bytes;
    }
  std::string text;
  for (const std::string& name : names) text += row_of(name, sums[name]);
  return text + row_of("together", all);
}

}  // namespace

TEST_CASE("docs/kernels.md has the launches of a step") {
  std::ifstream in(VAE_TEST_DATA "/../../docs/kernels.md");
  REQUIRE(in.good());
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  using Precisions = std::vector<Precision>;
  for (const auto& [kind, precisions] :
       {std::pair{EngineKind::fused, Precisions{Precision::bf16}},
        std::pair{EngineKind::fused, Precisions{Precision::fp32}},
        std::pair{EngineKind::blocks,
                  Precisions{Precision::fp32, Precision::bf16}}}) {
    const std::string table = table_of(kind, precisions);
    CHECK_MESSAGE(page.find(table) != std::string::npos,
                  "docs/kernels.md lacks this table:\n", table);
  }
}

}  // namespace vae::engine
