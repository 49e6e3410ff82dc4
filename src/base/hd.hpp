// VAE_HD marks a function that runs on the host and, under nvcc, on the device
// as well: one text, so that both compute the same. VAE_HD_MEMBER is the same
// for member functions.
#pragma once

#ifdef __CUDACC__
#define VAE_HD __host__ __device__ inline
#define VAE_HD_MEMBER __host__ __device__
#else
#define VAE_HD inline
#define VAE_HD_MEMBER
#endif
