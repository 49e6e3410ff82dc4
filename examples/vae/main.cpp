// The `vae` command: libvae's largest example, written over vae.h alone.
// Reads the command line; after a failure there is one line on standard error.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include "commands.hpp"
#include "handles.hpp"

namespace {

constexpr int kExitFailure = 1, kExitUsage = 2;

constexpr const char* kFooter =
    "Examples:\n"
    "  vae train --data data/mnist --out runs/first --epochs 3\n"
    "  vae sample --model runs/first/model.safetensors --out sample.png\n"
    "  vae eval --model runs/first/model.safetensors --data data/mnist --json\n"
    "\n"
    "Exit codes: 0 success; 1 failure; 2 wrong usage; 130 interrupted.\n"
    "\"vae COMMAND --help\" explains a command.";

void complain(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  std::fprintf(stderr, "vae: %s\n", text.c_str());
}

void add_commands(CLI::App& app, const cli::Words& words, int& exit_code) {
  cli::add_train(app, words, exit_code);
  cli::add_eval(app);
  cli::add_sample(app);
  cli::add_reconstruct(app);
  cli::add_interpolate(app);
  cli::add_encode(app);
  cli::add_info(app);
  cli::add_diagnose(app);
}

int run(int argc, char** argv) {
  const cli::Words words(argv, argv + argc);
  int exit_code = 0;
  CLI::App app("Trains and uses variational autoencoders.", "vae");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", vae_version());
  app.get_formatter()->column_width(32);
  add_commands(app, words, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version arrive here too.
    if (error.get_exit_code() == 0) return app.exit(error);
    const auto named = app.get_subcommands();
    if (!named.empty()) {
      const std::string name = named.front()->get_name();
      complain(name + ": " + error.what() + " (see vae " + name + " --help)");
    } else if (argc > 1) {
      complain(words[1] + " is no command (see vae --help)");
    } else {
      complain(std::string(error.what()) + " (see vae --help)");
    }
    return kExitUsage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    complain(error.what());
    return kExitFailure;
  }
}
