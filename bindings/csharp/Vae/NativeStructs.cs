// The structs of vae.h, field for field and under the same names, all blittable. NativeLayout
// holds them against the library before anything else is called; nothing else is decided here.
using System;
using System.Runtime.InteropServices;

#pragma warning disable 0169, 0649  // fields that only native code writes or reads

namespace Vae
{
    // [fields: structs] by tools/fields/generate; do not edit
    internal static class VaeAbi
    {
        internal const uint Version = 1;
    }

    [StructLayout(LayoutKind.Sequential, Size = 248)]
    internal unsafe struct vae_config
    {
        internal uint struct_size;
        internal uint abi_version;
        internal int model;
        internal int net;
        internal uint channels;
        internal uint height;
        internal uint width;
        internal uint latent;
        internal uint layer_count;
        internal uint condition_size;
        internal const int LayersLength = 8;
        internal fixed uint layers[LayersLength];
        internal int likelihood;
        internal int sum_gradient;
        internal double gaussian_sigma;
        internal double kl_weight;
        internal double learning_rate;
        internal double beta1;
        internal double beta2;
        internal double epsilon;
        internal double weight_decay;
        internal double clip_norm;
        internal ulong seed;
        internal uint max_batch;
        internal uint samples;
        internal uint threads;
        internal uint keep_gradients;
        internal int device;
        internal int device_index;
        internal int precision;
        internal int engine;
        internal int nonfinite;
        internal int deterministic;
        internal int graph;
        internal uint graph_steps;
        internal int optimizer;
        internal int schedule;
        internal double schedule_floor;
        internal ulong schedule_updates;
        internal ulong warmup_updates;
        internal ulong kl_warmup_updates;
        internal ulong kl_cycle_updates;
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    internal unsafe struct vae_batch
    {
        internal uint struct_size;
        internal int dtype;
        internal void* data;
        internal ulong bytes;
        internal ulong count;
        internal int device;
        internal int layout;
        internal IntPtr stream;
        internal int* labels;
        internal float* condition;
    }

    [StructLayout(LayoutKind.Sequential, Size = 48)]
    internal unsafe struct vae_output
    {
        internal uint struct_size;
        internal int dtype;
        internal void* data;
        internal ulong bytes;
        internal ulong written;
        internal int device;
        internal int layout;
        internal IntPtr stream;
    }

    [StructLayout(LayoutKind.Sequential, Size = 104)]
    internal unsafe struct vae_metrics
    {
        internal uint struct_size;
        internal uint active_units;
        internal ulong steps;
        internal ulong images;
        internal ulong skipped_steps;
        internal ulong nonfinite_steps;
        internal double loss;
        internal double reconstruction;
        internal double kl;
        internal double mse;
        internal double gradient_norm;
        internal double seconds;
        internal double* kl_per_dim;
        internal ulong kl_bytes;
    }

    [StructLayout(LayoutKind.Sequential, Size = 72)]
    internal struct vae_progress
    {
        internal uint struct_size;
        internal uint phase;
        internal ulong epoch;
        internal ulong step;
        internal ulong steps;
        internal ulong images;
        internal double loss;
        internal double reconstruction;
        internal double kl;
        internal double seconds;
    }

    [StructLayout(LayoutKind.Sequential, Size = 40)]
    internal struct vae_run
    {
        internal uint struct_size;
        internal uint every_steps;
        internal ulong batch_size;
        internal ulong max_steps;
        internal IntPtr progress;
        internal IntPtr user;
    }

    [StructLayout(LayoutKind.Sequential, Size = 56)]
    internal unsafe struct vae_sampling
    {
        internal uint struct_size;
        internal uint reserved;
        internal ulong count;
        internal ulong seed;
        internal ulong first;
        internal double temperature;
        internal int* labels;
        internal float* condition;
    }

    [StructLayout(LayoutKind.Sequential, Size = 152)]
    internal unsafe struct vae_param
    {
        internal uint struct_size;
        internal int dtype;
        internal uint rank;
        internal uint trainable;
        internal const int ShapeLength = 8;
        internal fixed long shape[ShapeLength];
        internal ulong elements;
        internal const int NameLength = 64;
        internal fixed byte name[NameLength];
    }
    // [end of structs]
}
