// VAE_HD marks a function that is compiled for the host and, under nvcc, for
// the device, so that both compute the same. VAE_HD_MEMBER is for member
// functions.
#pragma once

#ifdef __CUDACC__
#define VAE_HD __host__ __device__ inline
#define VAE_HD_MEMBER __host__ __device__
#else
#define VAE_HD inline
#define VAE_HD_MEMBER
#endif
