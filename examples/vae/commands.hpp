// The commands of `vae`. Each adds itself to the command line and runs when it
// is named there. `exit_code` must outlive the parsing.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace cli {

/// The arguments of the command line.
using Arguments = std::vector<std::string>;

void add_train(CLI::App& app, const Arguments& arguments, int& exit_code);
void add_eval(CLI::App& app);
void add_sample(CLI::App& app);
void add_reconstruct(CLI::App& app);
void add_interpolate(CLI::App& app);
void add_encode(CLI::App& app);
void add_info(CLI::App& app);
void add_diagnose(CLI::App& app);

}  // namespace cli
