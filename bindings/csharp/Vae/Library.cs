// Calls without a trainer: loading libvae, its version and build, the log, and grids of images.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vae
{
    /// <summary>The library. The first call that needs it finds and checks it.</summary>
    public static unsafe class Library
    {
        private static readonly LogThunk Thunk = OnLog;
        private static readonly IntPtr ThunkPointer = Marshal.GetFunctionPointerForDelegate(Thunk);
        private static volatile Action<LogLevel, string> handler;
        private static volatile Exception logFailure;

        /// <summary>The file that libvae was loaded from; only its name if the system's loader
        /// found it.</summary>
        /// <exception cref="VaeException">File: it was not found; the text lists each path that
        /// was tried and the reason. Version: it has another version.</exception>
        public static string Path { get { return Loader.Path; } }

        /// <summary>Loads libvae from this file only; must be the first call.</summary>
        /// <param name="path">The file.</param>
        /// <remarks>Without this call, libvae is loaded from the file that the environment
        /// variable VAE_LIBRARY names, if it is set. Otherwise it is searched for in the
        /// directories of this assembly and the program, in runtimes/linux-x64/native below them,
        /// and by the system's loader. C: <c>vae_layout</c>: the library's structs are compared
        /// with this assembly's.</remarks>
        /// <exception cref="VaeException">File; Version; Busy if it was already loaded from
        /// another file.</exception>
        public static void Load(string path)
        {
            if (path == null) throw new ArgumentNullException(nameof(path));
            Loader.Load(path);
        }

        /// <summary>Version of the library, "major.minor.patch".</summary>
        /// <remarks>C: <c>vae_version</c>.</remarks>
        public static string Version
        {
            get
            {
                return Loader.Call(() => Utf8.Text(NativeMethods.vae_version()));
            }
        }

        /// <summary>Version of the library's interface; this assembly requires its own.</summary>
        /// <remarks>C: <c>vae_abi_version</c>.</remarks>
        public static int AbiVersion
        {
            get
            {
                return Loader.Call(() => (int)NativeMethods.vae_abi_version());
            }
        }

        /// <summary>JSON: version, compiler, flavour, LibTorch, instruction set.</summary>
        /// <remarks>C: <c>vae_build_info</c>.</remarks>
        public static string BuildInfo
        {
            get
            {
                return Loader.Call(() => Utf8.Ask(NativeMethods.vae_build_info));
            }
        }

        /// <summary>JSON: each device, whether it can be used, and if not, why.</summary>
        /// <returns>One JSON object.</returns>
        /// <remarks>C: <c>vae_diagnose</c>.</remarks>
        public static string Diagnose()
        {
            return Loader.Call(() => Utf8.Ask((text, capacity, needed) =>
                NativeMethods.vae_diagnose(IntPtr.Zero, text, capacity, needed)));
        }

        /// <summary>Sets the log handler of the process; initially there is none.</summary>
        /// <param name="log">Called on the thread whose call causes the message; must not
        /// call libvae. Null turns logging off.</param>
        /// <param name="minimum">The least important level that is reported.</param>
        /// <remarks>C: <c>vae_set_log_callback</c>. An exception of the handler does not
        /// fail the call that logged: see <see cref="LogFailure"/>.</remarks>
        /// <exception cref="VaeException">Argument.</exception>
        public static void SetLog(Action<LogLevel, string> log,
                                  LogLevel minimum = LogLevel.Warning)
        {
            Loader.Call(() =>
            {
                IntPtr thunk = log == null ? IntPtr.Zero : ThunkPointer;
                Status.Check(NativeMethods.vae_set_log_callback(thunk, IntPtr.Zero,
                                                                (int)minimum));
                return handler = log;
            });
        }

        /// <summary>The last exception thrown by the log handler; null if none.</summary>
        public static Exception LogFailure { get { return logFailure; } }

        [MonoPInvokeCallback(typeof(LogThunk))]
        private static void OnLog(int level, byte* text, IntPtr user)
        {
            try
            {
                Action<LogLevel, string> current = handler;
                if (current != null) current((LogLevel)level, Utf8.Text(text));
            }
            catch (Exception failure)
            {
                logFailure = failure;
#if !NETCOREAPP
                if (failure is System.Threading.ThreadAbortException)
                    System.Threading.Thread.ResetAbort();
#endif
            }
        }
    }

    /// <summary>Image files.</summary>
    public static unsafe class Images
    {
        /// <summary>Writes images as a grid to a PNG file. As in torchvision's save_image, each
        /// image has a border of 2 black pixels.</summary>
        /// <param name="path">An existing file is replaced; a failed call does not change it.
        /// </param>
        /// <param name="images">Bytes, or floats (clipped to [0, 1]).</param>
        /// <param name="shape">Of one image; 1 or 3 channels.</param>
        /// <param name="columns">Images per row; 0: the square root of the count, rounded
        /// up.</param>
        /// <remarks>C: <c>vae_write_grid</c>.</remarks>
        /// <exception cref="VaeException">Argument; File.</exception>
        public static void WriteGrid(string path, Batch images, ImageShape shape, int columns = 0)
        {
            Loader.Ready();
            using (NativeCall.Begin()) Write(path, images, shape, columns);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]  // see Loader.Call()
        private static void Write(string path, Batch images, ImageShape shape, int columns)
        {
            uint* chw = stackalloc uint[3];
            shape.Write(chw);
            fixed (byte* file = Utf8.Bytes(path, nameof(path)))
            fixed (byte* pinned = &images.Pin())
            {
                vae_batch native = images.Native(nameof(images), pinned, shape.Elements);
                Status.Check(NativeMethods.vae_write_grid(file, &native, chw,
                                                          Whole.Small(nameof(columns), columns)));
            }
        }
    }
}
