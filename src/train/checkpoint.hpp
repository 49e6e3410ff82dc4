// What a model or checkpoint file means: which tensors and which metadata a
// safetensors file of libvae holds. The format itself is io's business.
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

/// The configuration to open `file` with: its own, or `given`, whose model
/// fields must then agree with the file's, if it has any.
Config config_for(const io::TensorFile& file, const Config* given,
                  const std::string& origin);

/// Names and shapes against the model that `config` means, before any memory
/// is taken for it: a small file must not ask for a large model.
void check_tensors(const io::TensorFile& file, const Config& config,
                   const std::string& origin);

}  // namespace vae::train
