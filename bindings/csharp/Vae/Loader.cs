// Finds libvae once per process, and compares it with this assembly's declarations before any
// other call. How a file is opened depends on the runtime: see Opener.
using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using System.Text;

namespace Vae
{
    internal static unsafe class Loader
    {
        internal const string Variable = "VAE_LIBRARY";
        private static readonly object Gate = new object();
        private static volatile bool ready;
        private static string path;

        internal static bool IsReady { get { return ready; } }

        internal static string Path
        {
            get
            {
                Ready();
                return path;
            }
        }

        /// <summary>Must be called before the first function of vae.h.</summary>
        internal static void Ready()
        {
            if (!ready) Load(null);
        }

        /// <summary>For calls that may be the first. Mono resolves a native function when it
        /// compiles the method that calls it, so that method must start after Ready().</summary>
        internal static T Call<T>(Func<T> call)
        {
            Ready();
            using (NativeCall.Begin()) return call();
        }

        /// <summary>Loads only this file; null: the first that is found.</summary>
        internal static void Load(string wanted)
        {
            lock (Gate)
            {
                if (wanted != null && path != null && !SameFile(wanted, path))
                    throw new VaeException(
                        VaeStatus.Busy, "libvae was already loaded from " + path +
                        "; " + wanted + " cannot be loaded too");
                if (ready) return;
                if (IntPtr.Size != 8)
                    throw new VaeException(VaeStatus.Unsupported,
                                           "this is a 32-bit process; libvae needs 64 bits");
                if (path == null) path = Find(wanted);
                CheckVersion();
                Ending.Watch();
                ready = true;
            }
        }

        /// <summary>The paths that are tried, in this order.</summary>
        internal static List<string> Places(string wanted)
        {
            List<string> places = new List<string>();
            string variable = Environment.GetEnvironmentVariable(Variable);
            if (wanted == null && !string.IsNullOrEmpty(variable)) wanted = variable;
            if (wanted != null)
            {
                // The user chose a file, so no other is tried.
                places.Add(System.IO.Path.GetFullPath(wanted));
                return places;
            }
            foreach (string folder in Folders())
            {
                Add(places, System.IO.Path.Combine(folder, NativeMethods.Library));
                Add(places, System.IO.Path.Combine(folder, "runtimes", "linux-x64", "native",
                                                   NativeMethods.Library));
            }
            places.Add(NativeMethods.Library);
            return places;
        }

        private static IEnumerable<string> Folders()
        {
            // Empty in a single-file program, which then has only its own directory.
            string assembly = typeof(Loader).Assembly.Location;
            if (!string.IsNullOrEmpty(assembly))
                yield return System.IO.Path.GetDirectoryName(assembly);
            yield return AppContext.BaseDirectory;
        }

        private static void Add(List<string> places, string file)
        {
            file = System.IO.Path.GetFullPath(file);
            if (!places.Contains(file)) places.Add(file);
        }

        private static string Find(string wanted)
        {
            StringBuilder tried = new StringBuilder();
            foreach (string place in Places(wanted))
            {
                bool system = place == NativeMethods.Library;
                string reason = system || File.Exists(place) ? Opener.Open(place)
                                                             : "there is no such file";
                if (reason == null) return place;
                tried.Append("\n  ").Append(place);
                if (system) tried.Append(" (searched by the system's loader)");
                tried.Append(": ").Append(reason);
            }
            throw new VaeException(
                VaeStatus.File, "libvae was not found. " + Variable +
                " can be set to the full path of " + NativeMethods.Library +
                ". Tried:" + tried,
                new DllNotFoundException(NativeMethods.Library));
        }

        [MethodImpl(MethodImplOptions.NoInlining)]  // see Call()
        private static void CheckVersion()
        {
            uint abi = NativeMethods.vae_abi_version();
            if (abi != VaeAbi.Version)
                throw new VaeException(
                    VaeStatus.Version, path + " has interface version " + abi +
                    "; this Vae.dll was built for version " + VaeAbi.Version);
            NativeLayout.Check(Utf8.Ask(NativeMethods.vae_layout));
        }

        private static bool SameFile(string one, string other)
        {
            return System.IO.Path.GetFullPath(one) == other;
        }
    }
}
