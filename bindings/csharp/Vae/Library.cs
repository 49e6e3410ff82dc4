// What there is to know about libvae itself, the log, and pictures: all that needs no trainer.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vae
{
    /// <summary>libvae itself. It is found and checked by the first call that needs it.</summary>
    public static unsafe class Library
    {
        private static readonly LogThunk Thunk = OnLog;
        private static readonly IntPtr ThunkPointer = Marshal.GetFunctionPointerForDelegate(Thunk);
        private static volatile Action<LogLevel, string> handler;
        private static volatile Exception logFailure;

        /// <summary>The file that libvae was loaded from; its bare name if the system's loader
        /// found it.</summary>
        /// <exception cref="VaeException">File: it was not found, the text listing each place
        /// looked at and why it did not do. Version: it is of another version.</exception>
        public static string Path { get { return Loader.Path; } }

        /// <summary>Loads libvae from this file and nowhere else; to be called first.</summary>
        /// <param name="path">The file.</param>
        /// <remarks>Without it, it is looked for in the file that the environment variable
        /// VAE_LIBRARY names and nowhere else; or else beside this assembly and the program, in
        /// runtimes/linux-x64/native beside them, and wherever the system's loader looks.
        /// C: <c>vae_layout</c>: the library's structs are held against this assembly's.</remarks>
        /// <exception cref="VaeException">File; Version; Busy if it was loaded from elsewhere
        /// already.</exception>
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

        /// <summary>Version of its interface, which this assembly holds against its
        /// own.</summary>
        /// <remarks>C: <c>vae_abi_version</c>.</remarks>
        public static int AbiVersion
        {
            get
            {
                return Loader.Call(() => (int)NativeMethods.vae_abi_version());
            }
        }

        /// <summary>Version, compiler, flavour, LibTorch, instruction set: JSON.</summary>
        /// <remarks>C: <c>vae_build_info</c>.</remarks>
        public static string BuildInfo
        {
            get
            {
                return Loader.Call(() => Utf8.Ask(NativeMethods.vae_build_info));
            }
        }

        /// <summary>Each device, whether it can be used, and if not, why: JSON.</summary>
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

        /// <summary>The last exception that the log's handler threw; null if none.</summary>
        public static Exception LogFailure { get { return logFailure; } }

        [MonoPInvokeCallback(typeof(LogThunk))]
        private static void OnLog(int level, byte* text, IntPtr user)
        {
            try
            {
                Action<LogLevel, string> told = handler;
                if (told != null) told((LogLevel)level, Utf8.Text(text));
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

    /// <summary>Pictures to look at.</summary>
    public static unsafe class Images
    {
        /// <summary>Writes images as a grid in a PNG file, drawn as torchvision's save_image
        /// does: 2 black pixels around each image.</summary>
        /// <param name="path">An existing file is replaced, whole or not at all.</param>
        /// <param name="images">Bytes, or floats (clipped to [0, 1]).</param>
        /// <param name="shape">Of one image; 1 or 3 channels.</param>
        /// <param name="columns">Images in a row; 0: the square root of the count, rounded
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
