// The functions of vae.h. All arguments are blittable, nothing is marshalled, and no status is
// checked. Callers have called Loader.Ready() or hold a handle.
using System;
using System.Runtime.InteropServices;
using System.Security;

namespace Vae
{
    /// <summary>Marks methods that native code calls, for ahead-of-time compilers; Unity's
    /// IL2CPP looks for this name.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class MonoPInvokeCallbackAttribute : Attribute
    {
        internal MonoPInvokeCallbackAttribute(Type type) { DelegateType = type; }
        internal Type DelegateType { get; }
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate int ProgressThunk(vae_progress* progress, IntPtr user);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal unsafe delegate void LogThunk(int level, byte* text, IntPtr user);

    [SuppressUnmanagedCodeSecurity]
    internal static unsafe class NativeMethods
    {
        // The soname of libvae.so. A copy loaded from any path satisfies it; Loader decides
        // which file is loaded.
        internal const string Library = "libvae.so.0";
        private const CallingConvention C = CallingConvention.Cdecl;

        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_config_init(vae_config* config, uint size, uint abi);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_batch_init(vae_batch* batch, uint size);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_output_init(vae_output* output, uint size);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_metrics_init(vae_metrics* metrics, uint size);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_run_init(vae_run* run, uint size);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_sampling_init(vae_sampling* sampling, uint size);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_param_init(vae_param* param, uint size);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_config_validate(vae_config* config);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_config_memory(
            vae_config* config, ulong* host_bytes, ulong* device_bytes);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_config_from_json(vae_config* config, byte* json);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_config_to_json(
            vae_config* config, byte* text, ulong capacity, ulong* needed);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_config_from_file(vae_config* config, byte* path);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_create(vae_config* config, IntPtr* trainer);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_load(byte* path, vae_config* config, IntPtr* trainer);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_load_memory(
            byte* data, ulong bytes, vae_config* config, IntPtr* trainer);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_save(IntPtr trainer, byte* path, int what);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_save_memory(
            IntPtr trainer, int what, byte* data, ulong capacity, ulong* needed);
        [DllImport(Library, CallingConvention = C)]
        internal static extern void vae_destroy(IntPtr trainer);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_get_config(IntPtr trainer, vae_config* config);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_train_step(
            IntPtr trainer, vae_batch* batch, vae_metrics* metrics);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_eval_step(
            IntPtr trainer, vae_batch* batch, vae_metrics* metrics);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_read_metrics(IntPtr trainer, vae_metrics* metrics);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_synchronize(IntPtr trainer);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_set(IntPtr trainer, int key, double value);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_get(IntPtr trainer, int key, double* value);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_encode(
            IntPtr trainer, vae_batch* images, vae_output* mean, vae_output* logvar);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_decode(
            IntPtr trainer, vae_batch* codes, vae_output* images);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_sample(
            IntPtr trainer, vae_sampling* sampling, vae_output* images);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_reconstruct(
            IntPtr trainer, vae_batch* images, vae_output* output);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_score(
            IntPtr trainer, vae_batch* batch, vae_output* reconstruction, vae_output* kl);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_dataset_open(
            byte* path, byte* labels_path, IntPtr* dataset);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_dataset_from_memory(
            vae_batch* all, uint* shape_chw, IntPtr* dataset);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_dataset_info(
            IntPtr dataset, ulong* count, uint* shape_chw, uint* classes);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_dataset_read(
            IntPtr dataset, ulong first, ulong count, vae_output* images, int* labels,
            ulong label_bytes);
        [DllImport(Library, CallingConvention = C)]
        internal static extern void vae_dataset_destroy(IntPtr dataset);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_train_epoch(
            IntPtr trainer, IntPtr dataset, vae_run* run, vae_metrics* metrics);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_evaluate(
            IntPtr trainer, IntPtr dataset, vae_run* run, vae_metrics* metrics);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_cancel(IntPtr trainer, int on);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_param_count(IntPtr trainer, uint* count);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_param_info(IntPtr trainer, uint index, vae_param* param);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_param_read(
            IntPtr trainer, byte* name, int what, void* data, ulong bytes);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_param_write(
            IntPtr trainer, byte* name, int what, void* data, ulong bytes);

        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_write_grid(
            byte* path, vae_batch* images, uint* shape_chw, uint columns);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_write_array(
            byte* path, void* data, ulong bytes, int dtype, ulong* shape, uint rank);
        [DllImport(Library, CallingConvention = C)]
        internal static extern byte* vae_status_name(int status);
        [DllImport(Library, CallingConvention = C)]
        internal static extern byte* vae_last_error();
        [DllImport(Library, CallingConvention = C)]
        internal static extern byte* vae_version();
        [DllImport(Library, CallingConvention = C)]
        internal static extern uint vae_abi_version();
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_layout(byte* text, ulong capacity, ulong* needed);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_build_info(byte* text, ulong capacity, ulong* needed);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_diagnose(
            IntPtr trainer, byte* text, ulong capacity, ulong* needed);
        [DllImport(Library, CallingConvention = C)]
        internal static extern int vae_set_log_callback(
            IntPtr callback, IntPtr user, int min_level);
    }
}
