// A batch through a convolutional network in bfloat16 by our own kernels alone:
// which products a plan means, where their operands lie, and in which order the
// kernels start. The derivatives by weights run beside those by inputs.
#pragma once

#include <memory>
#include <string>

#include "engine/cuda/kernel_device.hpp"
#include "engine/training_pass.hpp"

namespace vae::engine::cuda {

/// Why these kernels do not take a configuration; empty: they do.
std::string why_no_gemm_pass(const model::Plan& plan, const Config& config,
                             TensorCores cores);

/// `copy`: the parameters as bfloat16 in the order of the layout.
std::unique_ptr<TrainingPass> make_gemm_pass(const PassContext& context,
                                             const std::uint16_t* copy,
                                             KernelDevice& device);

}  // namespace vae::engine::cuda
