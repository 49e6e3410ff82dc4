// Opens one file as libvae, so that every DllImport of this assembly uses that file: with the
// runtime's resolver (.NET Core 3 and newer), or with dlopen and Mono's map.
using System;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vae
{
#if NETCOREAPP
    internal static class Opener
    {
        private static IntPtr library;
        private static bool resolving;

        /// <summary>Null, or why it cannot be opened.</summary>
        internal static string Open(string file)
        {
            Assembly assembly = typeof(Opener).Assembly;
            try
            {
                // For a name without a path the runtime also searches the program's packages.
                library = file == NativeMethods.Library
                              ? NativeLibrary.Load(file, assembly, null)
                              : NativeLibrary.Load(file);
            }
            catch (Exception refused) when (refused is DllNotFoundException ||
                                            refused is BadImageFormatException)
            {
                return refused.Message;
            }
            if (!resolving) NativeLibrary.SetDllImportResolver(assembly, Resolve);
            resolving = true;
            return null;
        }

        private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? where)
        {
            return name == NativeMethods.Library ? library : IntPtr.Zero;
        }
    }
#else
    internal static unsafe class Opener
    {
        private const int Now = 2;

        /// <summary>Null, or why it cannot be opened.</summary>
        internal static string Open(string file)
        {
            IntPtr library;
            fixed (byte* name = Utf8.Bytes(file, "path"))
            {
                library = dlopen(name, Now);
                if (library == IntPtr.Zero) return Utf8.Text(dlerror());
            }
            Map(file);
            return IsMeant(library) ? null : "the runtime loads another file of this name";
        }

        // Mono's DllImport searches the assembly's directory before it uses a loaded library.
        // Other runtimes have no map and find the loaded library by its name.
        private static void Map(string file)
        {
            try
            {
                fixed (byte* from = Utf8.Bytes(NativeMethods.Library, "name"))
                fixed (byte* to = Utf8.Bytes(file, "path"))
                    mono_dllmap_insert(IntPtr.Zero, from, null, to, null);
            }
            catch (Exception none) when (none is EntryPointNotFoundException ||
                                         none is DllNotFoundException)
            {
            }
        }

        // Two copies of libvae in one process would each have its own last error.
        [MethodImpl(MethodImplOptions.NoInlining)]  // see Loader.Call()
        private static bool IsMeant(IntPtr library)
        {
            IntPtr version;
            fixed (byte* name = Utf8.Bytes("vae_version", "name")) version = dlsym(library, name);
            if (version == IntPtr.Zero) return false;
            VersionCall call = Marshal.GetDelegateForFunctionPointer<VersionCall>(version);
            return call() == (IntPtr)NativeMethods.vae_version();
        }

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate IntPtr VersionCall();

        [DllImport("libdl.so.2")]
        private static extern IntPtr dlopen(byte* file, int flags);
        [DllImport("libdl.so.2")]
        private static extern byte* dlerror();
        [DllImport("libdl.so.2")]
        private static extern IntPtr dlsym(IntPtr library, byte* name);
        [DllImport("__Internal")]
        private static extern void mono_dllmap_insert(
            IntPtr assembly, byte* from, byte* function, byte* to, byte* target);
    }
#endif
}
