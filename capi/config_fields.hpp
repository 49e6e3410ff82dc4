// The fields that vae_config and Config share, as a list to walk, and the names
// of their choices in vae.h.
#pragma once

#include "convert.hpp"

namespace vae::capi {

/// The values of an enumeration, as vae.h names them.
template <class Enum>
inline constexpr std::initializer_list<Choice> kChoices;
// [fields: choices] by tools/fields/generate; do not edit
static_assert(static_cast<int>(Model::vae) == VAE_MODEL_VAE);
template <>
inline constexpr std::initializer_list<Choice> kChoices<Model>{
    {VAE_MODEL_VAE, "VAE_MODEL_VAE"},
};
static_assert(static_cast<int>(Net::conv) == VAE_NET_CONV);
static_assert(static_cast<int>(Net::dense) == VAE_NET_DENSE);
template <>
inline constexpr std::initializer_list<Choice> kChoices<Net>{
    {VAE_NET_CONV, "VAE_NET_CONV"},
    {VAE_NET_DENSE, "VAE_NET_DENSE"},
};
static_assert(static_cast<int>(Likelihood::bernoulli) == VAE_BERNOULLI);
static_assert(static_cast<int>(Likelihood::gaussian) == VAE_GAUSSIAN);
template <>
inline constexpr std::initializer_list<Choice> kChoices<Likelihood>{
    {VAE_BERNOULLI, "VAE_BERNOULLI"},
    {VAE_GAUSSIAN, "VAE_GAUSSIAN"},
};
static_assert(static_cast<int>(DeviceKind::cpu) == VAE_CPU);
static_assert(static_cast<int>(DeviceKind::cuda) == VAE_CUDA);
static_assert(static_cast<int>(DeviceKind::automatic) == VAE_AUTO);
template <>
inline constexpr std::initializer_list<Choice> kChoices<DeviceKind>{
    {VAE_CPU, "VAE_CPU"},
    {VAE_CUDA, "VAE_CUDA"},
    {VAE_AUTO, "VAE_AUTO"},
};
static_assert(static_cast<int>(Precision::fp32) == VAE_FP32);
static_assert(static_cast<int>(Precision::tf32) == VAE_TF32);
static_assert(static_cast<int>(Precision::bf16) == VAE_BF16);
template <>
inline constexpr std::initializer_list<Choice> kChoices<Precision>{
    {VAE_FP32, "VAE_FP32"},
    {VAE_TF32, "VAE_TF32"},
    {VAE_BF16, "VAE_BF16"},
};
static_assert(static_cast<int>(EngineKind::automatic) == VAE_ENGINE_AUTO);
static_assert(static_cast<int>(EngineKind::blocks) == VAE_ENGINE_BLOCKS);
static_assert(static_cast<int>(EngineKind::fused) == VAE_ENGINE_FUSED);
static_assert(static_cast<int>(EngineKind::tile) == VAE_ENGINE_TILE);
template <>
inline constexpr std::initializer_list<Choice> kChoices<EngineKind>{
    {VAE_ENGINE_AUTO, "VAE_ENGINE_AUTO"},
    {VAE_ENGINE_BLOCKS, "VAE_ENGINE_BLOCKS"},
    {VAE_ENGINE_FUSED, "VAE_ENGINE_FUSED"},
    {VAE_ENGINE_TILE, "VAE_ENGINE_TILE"},
};
static_assert(static_cast<int>(NonFinite::error) == VAE_NONFINITE_ERROR);
static_assert(static_cast<int>(NonFinite::skip) == VAE_NONFINITE_SKIP);
template <>
inline constexpr std::initializer_list<Choice> kChoices<NonFinite>{
    {VAE_NONFINITE_ERROR, "VAE_NONFINITE_ERROR"},
    {VAE_NONFINITE_SKIP, "VAE_NONFINITE_SKIP"},
};
static_assert(static_cast<int>(Graph::automatic) == VAE_GRAPH_AUTO);
static_assert(static_cast<int>(Graph::on) == VAE_GRAPH_ON);
static_assert(static_cast<int>(Graph::off) == VAE_GRAPH_OFF);
template <>
inline constexpr std::initializer_list<Choice> kChoices<Graph>{
    {VAE_GRAPH_AUTO, "VAE_GRAPH_AUTO"},
    {VAE_GRAPH_ON, "VAE_GRAPH_ON"},
    {VAE_GRAPH_OFF, "VAE_GRAPH_OFF"},
};
static_assert(static_cast<int>(Optimizer::adam) == VAE_ADAM);
static_assert(static_cast<int>(Optimizer::sgd) == VAE_SGD);
template <>
inline constexpr std::initializer_list<Choice> kChoices<Optimizer>{
    {VAE_ADAM, "VAE_ADAM"},
    {VAE_SGD, "VAE_SGD"},
};
static_assert(static_cast<int>(Schedule::constant) == VAE_SCHEDULE_CONSTANT);
static_assert(static_cast<int>(Schedule::cosine) == VAE_SCHEDULE_COSINE);
template <>
inline constexpr std::initializer_list<Choice> kChoices<Schedule>{
    {VAE_SCHEDULE_CONSTANT, "VAE_SCHEDULE_CONSTANT"},
    {VAE_SCHEDULE_COSINE, "VAE_SCHEDULE_COSINE"},
};
// [end of choices]

/// Calls visit(name, member of vae_config, member of Config) for each field but
/// `layers`, which is an array there and a vector here.
template <class Visit>
void for_each_field(Visit visit) {
  // [fields: fields] by tools/fields/generate; do not edit
  visit("model", &vae_config::model, &Config::model);
  visit("net", &vae_config::net, &Config::net);
  visit("channels", &vae_config::channels, &Config::channels);
  visit("height", &vae_config::height, &Config::height);
  visit("width", &vae_config::width, &Config::width);
  visit("latent", &vae_config::latent, &Config::latent);
  visit("likelihood", &vae_config::likelihood, &Config::likelihood);
  visit("sum_gradient", &vae_config::sum_gradient, &Config::sum_gradient);
  visit("gaussian_sigma", &vae_config::gaussian_sigma, &Config::gaussian_sigma);
  visit("kl_weight", &vae_config::kl_weight, &Config::kl_weight);
  visit("learning_rate", &vae_config::learning_rate, &Config::learning_rate);
  visit("beta1", &vae_config::beta1, &Config::beta1);
  visit("beta2", &vae_config::beta2, &Config::beta2);
  visit("epsilon", &vae_config::epsilon, &Config::epsilon);
  visit("weight_decay", &vae_config::weight_decay, &Config::weight_decay);
  visit("clip_norm", &vae_config::clip_norm, &Config::clip_norm);
  visit("seed", &vae_config::seed, &Config::seed);
  visit("max_batch", &vae_config::max_batch, &Config::max_batch);
  visit("samples", &vae_config::samples, &Config::samples);
  visit("threads", &vae_config::threads, &Config::threads);
  visit("keep_gradients", &vae_config::keep_gradients, &Config::keep_gradients);
  visit("device", &vae_config::device, &Config::device);
  visit("device_index", &vae_config::device_index, &Config::device_index);
  visit("precision", &vae_config::precision, &Config::precision);
  visit("engine", &vae_config::engine, &Config::engine);
  visit("nonfinite", &vae_config::nonfinite, &Config::nonfinite);
  visit("deterministic", &vae_config::deterministic, &Config::deterministic);
  visit("graph", &vae_config::graph, &Config::graph);
  visit("graph_steps", &vae_config::graph_steps, &Config::graph_steps);
  visit("optimizer", &vae_config::optimizer, &Config::optimizer);
  visit("schedule", &vae_config::schedule, &Config::schedule);
  visit("schedule_floor", &vae_config::schedule_floor, &Config::schedule_floor);
  visit("schedule_updates", &vae_config::schedule_updates,
        &Config::schedule_updates);
  visit("warmup_updates", &vae_config::warmup_updates, &Config::warmup_updates);
  visit("kl_warmup_updates", &vae_config::kl_warmup_updates,
        &Config::kl_warmup_updates);
  visit("kl_cycle_updates", &vae_config::kl_cycle_updates,
        &Config::kl_cycle_updates);
  // [end of fields]
}

}  // namespace vae::capi
