// Content of a model or checkpoint file: the tensors and metadata that libvae
// writes to a safetensors file. src/io implements the format.
//
// Tensors: those of the PyTorch module's state_dict. A checkpoint adds
// "adam.moment1.<name>" and "adam.moment2.<name>". Metadata: "format" = "pt",
// "vae.format" = "1", "vae.kind" = "model" or "checkpoint", "vae.config" (JSON,
// as to_json) and, in a checkpoint, "vae.progress" (JSON: step, updates, epoch,
// position). No time, host or path.
#pragma once

#include <string>

#include "io/safetensors.hpp"
#include "vae/config.hpp"

namespace vae::train {

/// The configuration for opening `file`: the file's own, or `given`. The model
/// fields of `given` must agree with the file's configuration, if it has one.
Config config_for(const io::TensorFile& file, const Config* given,
                  const std::string& origin);

/// Checks names and shapes against the model of `config` before memory is
/// allocated for it: a small file must not cause a large allocation.
void check_tensors(const io::TensorFile& file, const Config& config,
                   const std::string& origin);

}  // namespace vae::train
