// The `vae` command, which uses vae.h only. Parses the command line; a failure
// prints one line on standard error.
#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <new>
#include <sstream>
#include <string>

#include "commands.hpp"
#include "output.hpp"

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

void add_commands(CLI::App& app, const cli::Arguments& arguments,
                  int& exit_code) {
  cli::add_train(app, arguments, exit_code);
  cli::add_eval(app);
  cli::add_sample(app);
  cli::add_reconstruct(app);
  cli::add_interpolate(app);
  cli::add_encode(app);
  cli::add_info(app);
  cli::add_diagnose(app);
}

int run(int argc, char** argv) {
  const cli::Arguments arguments(argv, argv + argc);
  int exit_code = 0;
  CLI::App app("Trains and uses variational autoencoders.", "vae");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", vae_version());
  app.get_formatter()->column_width(32);
  add_commands(app, arguments, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version are handled here too.
    if (error.get_exit_code() == 0) {
      std::ostringstream text;
      app.exit(error, text, text);
      cli::print(text.str());
      return 0;
    }
    const auto named = app.get_subcommands();
    if (!named.empty()) {
      const std::string name = named.front()->get_name();
      cli::complain(name + ": " + error.what() + " (see vae " + name +
                    " --help)");
    } else if (argc > 1) {
      cli::complain(arguments[1] + " is not a command (see vae --help)");
    } else {
      cli::complain(std::string(error.what()) + " (see vae --help)");
    }
    return kExitUsage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  cli::open_standard_files();
  // Without SIGXFSZ, a file above the size limit is a failed write with an
  // error.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    cli::complain("out of memory");
    return kExitFailure;
  } catch (const std::exception& error) {
    cli::complain(error.what());
    return kExitFailure;
  }
}
