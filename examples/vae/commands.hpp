// The commands of `vae`. Each adds itself to the command line and runs when it
// is named there. `exit_code` must outlive the parsing.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace cli {

/// What `vae` was called with: the words of the command line.
using Words = std::vector<std::string>;

void add_train(CLI::App& app, const Words& words, int& exit_code);
void add_eval(CLI::App& app);
void add_sample(CLI::App& app);
void add_reconstruct(CLI::App& app);
void add_interpolate(CLI::App& app);
void add_encode(CLI::App& app);
void add_info(CLI::App& app);
void add_diagnose(CLI::App& app);

}  // namespace cli
