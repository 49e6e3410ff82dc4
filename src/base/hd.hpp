// VAE_HD marks a function that runs on the host and, under nvcc, on the device
// as well: one text, so that both compute the same.
#pragma once

#ifdef __CUDACC__
#define VAE_HD __host__ __device__ inline
#else
#define VAE_HD inline
#endif
