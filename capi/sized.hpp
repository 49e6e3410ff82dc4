// Structs that may grow: reading them from hosts that know fewer or more fields
// than this library, and writing only the fields that the host has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "guard.hpp"
#include "vae.h"

namespace vae::capi {

/// For each struct of vae.h: its name, its minimum size, and its defaults.
template <class T>
struct Sized;

template <>
struct Sized<vae_config> {
  static constexpr const char* name = "vae_config";
  static constexpr std::uint32_t minimum = offsetof(vae_config, device);
  static vae_config defaults();
};
template <>
struct Sized<vae_batch> {
  static constexpr const char* name = "vae_batch";
  static constexpr std::uint32_t minimum = offsetof(vae_batch, stream);
  static vae_batch defaults();
};
template <>
struct Sized<vae_output> {
  static constexpr const char* name = "vae_output";
  static constexpr std::uint32_t minimum = offsetof(vae_output, stream);
  static vae_output defaults();
};
template <>
struct Sized<vae_metrics> {
  static constexpr const char* name = "vae_metrics";
  static constexpr std::uint32_t minimum = offsetof(vae_metrics, kl_per_dim);
  static vae_metrics defaults();
};
template <>
struct Sized<vae_run> {
  static constexpr const char* name = "vae_run";
  static constexpr std::uint32_t minimum = offsetof(vae_run, progress);
  static vae_run defaults();
};
template <>
struct Sized<vae_sampling> {
  static constexpr const char* name = "vae_sampling";
  static constexpr std::uint32_t minimum = offsetof(vae_sampling, labels);
  static vae_sampling defaults();
};
template <>
struct Sized<vae_param> {
  static constexpr const char* name = "vae_param";
  static constexpr std::uint32_t minimum = sizeof(vae_param);
  static vae_param defaults();
};

/// Throws Error(argument) unless minimum <= size <= 4096 and a multiple of 8.
void check_size(const char* name, std::uint32_t minimum, std::uint32_t known,
                std::uint32_t size);

/// Throws Error(version) unless bytes [known, size) are zero.
void check_tail(const char* name, const void* given, std::uint32_t known,
                std::uint32_t size);

/// `struct_size` of a host's struct; reads no other byte.
inline std::uint32_t claimed_size(const void* given) {
  std::uint32_t size;
  std::memcpy(&size, given, sizeof size);
  return size;
}

template <class T>
std::uint32_t common_size(std::uint32_t claimed) {
  return claimed < sizeof(T) ? claimed : std::uint32_t{sizeof(T)};
}

/// A copy of the host's struct; fields that the host lacks get their defaults.
template <class T>
T read(const T* given, const char* parameter) {
  need(given, parameter);
  const std::uint32_t size = claimed_size(given);
  check_size(Sized<T>::name, Sized<T>::minimum, sizeof(T), size);
  check_tail(Sized<T>::name, given, sizeof(T), size);
  T known = Sized<T>::defaults();
  std::memcpy(static_cast<void*>(&known), given, common_size<T>(size));
  return known;
}

/// Writes the fields that fit into the host's struct; keeps its `struct_size`.
template <class T>
void write(T* to, T from) {
  const std::uint32_t size = claimed_size(to);
  from.struct_size = size;
  std::memcpy(static_cast<void*>(to), &from, common_size<T>(size));
}

template <class T>
void init(T* to, std::uint32_t size, const char* parameter) {
  need(to, parameter);
  check_size(Sized<T>::name, Sized<T>::minimum, sizeof(T), size);
  T defaults = Sized<T>::defaults();
  defaults.struct_size = size;
  std::memset(static_cast<void*>(to), 0, size);
  std::memcpy(static_cast<void*>(to), &defaults, common_size<T>(size));
}

}  // namespace vae::capi
