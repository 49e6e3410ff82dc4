// Every exception inside an exported function becomes a status: four kinds are
// thrown in every function that vae.h declares. The list of functions is read
// from vae.h.
#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <new>
#include <set>
#include <sstream>

#include "base/check.hpp"
#include "capi/capi_fixture.hpp"
#include "engine/tile/team.hpp"
#include "guard.hpp"

using namespace capi_test;

namespace {

/// Functions that return a constant and cannot fail.
const std::set<std::string> cannot_fail{"vae_status_name", "vae_last_error",
                                        "vae_version", "vae_abi_version"};

/// The names before the parameter lists of what vae.h marks with VAE_API.
std::set<std::string> declared_functions() {
  std::ifstream file(VAE_HEADER);
  std::stringstream text;
  text << file.rdbuf();
  const std::string header = text.str();
  const std::string mark = "\nVAE_API ";
  std::set<std::string> names;
  for (std::size_t at = header.find(mark); at != std::string::npos;
       at = header.find(mark, at + 1)) {
    const std::size_t end = header.find('(', at);
    REQUIRE(end != std::string::npos);
    const std::size_t start = header.find_last_of(" *\n", end) + 1;
    names.insert(header.substr(start, end - start));
  }
  return names;
}

vae_trainer* the_trainer = nullptr;
vae_dataset* the_dataset = nullptr;

/// Every function once; the arguments are not used.
const std::map<std::string, std::function<vae_status()>>& calls() {
  // For void functions, the status of the last error.
  static const std::map<std::string, std::function<vae_status()>> list{
      {"vae_config_init", [] { return vae_config_init(nullptr, 0, 0); }},
      {"vae_batch_init", [] { return vae_batch_init(nullptr, 0); }},
      {"vae_output_init", [] { return vae_output_init(nullptr, 0); }},
      {"vae_metrics_init", [] { return vae_metrics_init(nullptr, 0); }},
      {"vae_run_init", [] { return vae_run_init(nullptr, 0); }},
      {"vae_sampling_init", [] { return vae_sampling_init(nullptr, 0); }},
      {"vae_param_init", [] { return vae_param_init(nullptr, 0); }},
      {"vae_config_validate", [] { return vae_config_validate(nullptr); }},
      {"vae_config_memory",
       [] { return vae_config_memory(nullptr, nullptr, nullptr); }},
      {"vae_config_from_json",
       [] { return vae_config_from_json(nullptr, nullptr); }},
      {"vae_config_to_json",
       [] { return vae_config_to_json(nullptr, nullptr, 0, nullptr); }},
      {"vae_config_from_file",
       [] { return vae_config_from_file(nullptr, nullptr); }},
      {"vae_create", [] { return vae_create(nullptr, nullptr); }},
      {"vae_load", [] { return vae_load(nullptr, nullptr, nullptr); }},
      {"vae_load_memory",
       [] { return vae_load_memory(nullptr, 0, nullptr, nullptr); }},
      {"vae_save", [] { return vae_save(the_trainer, nullptr, 0); }},
      {"vae_save_memory",
       [] { return vae_save_memory(the_trainer, 0, nullptr, 0, nullptr); }},
      {"vae_get_config", [] { return vae_get_config(the_trainer, nullptr); }},
      {"vae_set", [] { return vae_set(the_trainer, 0, 0); }},
      {"vae_get", [] { return vae_get(the_trainer, 0, nullptr); }},
      {"vae_train_step",
       [] { return vae_train_step(the_trainer, nullptr, nullptr); }},
      {"vae_eval_step",
       [] { return vae_eval_step(the_trainer, nullptr, nullptr); }},
      {"vae_read_metrics",
       [] { return vae_read_metrics(the_trainer, nullptr); }},
      {"vae_synchronize", [] { return vae_synchronize(the_trainer); }},
      {"vae_encode",
       [] { return vae_encode(the_trainer, nullptr, nullptr, nullptr); }},
      {"vae_decode", [] { return vae_decode(the_trainer, nullptr, nullptr); }},
      {"vae_sample", [] { return vae_sample(the_trainer, nullptr, nullptr); }},
      {"vae_reconstruct",
       [] { return vae_reconstruct(the_trainer, nullptr, nullptr); }},
      {"vae_score",
       [] { return vae_score(the_trainer, nullptr, nullptr, nullptr); }},
      {"vae_dataset_open",
       [] { return vae_dataset_open(nullptr, nullptr, nullptr); }},
      {"vae_dataset_from_memory",
       [] { return vae_dataset_from_memory(nullptr, nullptr, nullptr); }},
      {"vae_dataset_info",
       [] { return vae_dataset_info(the_dataset, nullptr, nullptr, nullptr); }},
      {"vae_dataset_read",
       [] { return vae_dataset_read(the_dataset, 0, 0, nullptr, nullptr, 0); }},
      {"vae_train_epoch",
       [] {
         return vae_train_epoch(the_trainer, the_dataset, nullptr, nullptr);
       }},
      {"vae_evaluate",
       [] { return vae_evaluate(the_trainer, the_dataset, nullptr, nullptr); }},
      {"vae_cancel", [] { return vae_cancel(the_trainer, 1); }},
      {"vae_param_count", [] { return vae_param_count(the_trainer, nullptr); }},
      {"vae_param_info",
       [] { return vae_param_info(the_trainer, 0, nullptr); }},
      {"vae_param_read",
       [] { return vae_param_read(the_trainer, nullptr, 0, nullptr, 0); }},
      {"vae_param_write",
       [] { return vae_param_write(the_trainer, nullptr, 0, nullptr, 0); }},
      {"vae_write_grid",
       [] { return vae_write_grid(nullptr, nullptr, nullptr, 0); }},
      {"vae_write_array",
       [] { return vae_write_array(nullptr, nullptr, 0, 0, nullptr, 0); }},
      {"vae_build_info", [] { return vae_build_info(nullptr, 0, nullptr); }},
      {"vae_layout", [] { return vae_layout(nullptr, 0, nullptr); }},
      {"vae_diagnose",
       [] { return vae_diagnose(the_trainer, nullptr, 0, nullptr); }},
      {"vae_set_log_callback",
       [] { return vae_set_log_callback(nullptr, nullptr, 0); }},
      // An exception leaves these handles alive: the hook throws first.
      {"vae_destroy",
       [] {
         vae_destroy(the_trainer);
         return vae_status{-1};
       }},
      {"vae_dataset_destroy",
       [] {
         vae_dataset_destroy(the_dataset);
         return vae_status{-1};
       }},
  };
  return list;
}

std::string reached;

/// A broken contract on another thread than the caller's.
void break_on_a_worker() {
  vae::engine::tile::Team team(2);
  std::atomic<bool> broken{false};
  team.run(2, [&](std::int64_t, int worker) {
    if (worker == 0)
      broken.wait(false);  // leaves the other task to the worker
    else {
      broken = true;
      broken.notify_all();
      vae::expect(false);
    }
  });
}

struct Kind {
  vae::capi::TestHook hook;
  vae_status status;
  const char* text;
};

const Kind kinds[] = {
    {[](const char* function) {
       reached = function;
       throw vae::Error(vae::Status::device, "the device caught fire");
     },
     VAE_E_DEVICE, "the device caught fire"},
    {[](const char* function) {
       reached = function;
       throw std::bad_alloc();
     },
     VAE_E_MEMORY, "out of memory"},
    {[](const char* function) {
       reached = function;
       throw std::out_of_range("a defect");
     },
     VAE_E_INTERNAL, "a defect"},
    {[](const char* function) {
       reached = function;
       vae::expect(reached.empty());
     },
     VAE_E_INTERNAL, "broken at capi_exceptions_test.cpp:"},
    {[](const char* function) {
       reached = function;
       break_on_a_worker();
     },
     VAE_E_INTERNAL, "broken at capi_exceptions_test.cpp:"},
    {[](const char* function) {
       reached = function;
       throw 42;
     },
     VAE_E_INTERNAL, "unknown type"},
};

}  // namespace

TEST_CASE("the list of functions is the header's") {
  std::set<std::string> covered = cannot_fail;
  for (const auto& [name, call] : calls()) covered.insert(name);
  CHECK(covered.size() > 40);
  CHECK(declared_functions() == covered);
}

TEST_CASE("every exception becomes a status in every function") {
  const Trainer trainer = make_trainer();
  const Dataset dataset = make_dataset(4);
  the_trainer = trainer.get();
  the_dataset = dataset.get();
  const auto before = saved(trainer.get());
  for (const Kind& kind : kinds) {
    vae::capi::set_test_hook(kind.hook);
    for (const auto& [name, call] : calls()) {
      CAPTURE(name);
      reached.clear();
      const vae_status status = call();
      CHECK(reached == name);
      if (status != -1) CHECK(status == kind.status);
      CHECK(std::string(vae_last_error()).find(kind.text) != std::string::npos);
    }
    vae::capi::set_test_hook(nullptr);
  }
  CHECK(saved(trainer.get()) == before);
  train(trainer.get(), 0, 1);
}

TEST_CASE("functions that cannot fail return while all others fail") {
  vae::capi::set_test_hook(std::end(kinds)[-1].hook);
  CHECK(vae_abi_version() == VAE_ABI_VERSION);
  CHECK(std::string(vae_status_name(VAE_OK)) == "VAE_OK");
  CHECK(vae_last_error() != nullptr);
  CHECK(vae_version() != nullptr);
  vae::capi::set_test_hook(nullptr);
}
