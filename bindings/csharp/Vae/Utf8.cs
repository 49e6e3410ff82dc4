// Converts texts from and to libvae's zero-terminated UTF-8.
using System;
using System.Text;

namespace Vae
{
    /// <summary>A function of vae.h that writes a text to a buffer.</summary>
    internal unsafe delegate int TextCall(byte* text, ulong capacity, ulong* needed);

    internal static unsafe class Utf8
    {
        private static readonly UTF8Encoding Strict = new UTF8Encoding(false, true);

        /// <summary>The text with a final zero. Throws if it contains a zero or half a surrogate
        /// pair.</summary>
        internal static byte[] Bytes(string text, string name)
        {
            if (text == null) throw new ArgumentNullException(name);
            int zero = text.IndexOf('\0');
            if (zero >= 0)
                throw new VaeException(
                    VaeStatus.Argument, name + " has the character U+0000 at index " + zero +
                    "; in C a text ends there");
            try
            {
                byte[] bytes = new byte[Strict.GetByteCount(text) + 1];
                Strict.GetBytes(text, 0, text.Length, bytes, 0);
                return bytes;
            }
            catch (EncoderFallbackException bad)
            {
                throw new VaeException(
                    VaeStatus.Argument, name + " has half a surrogate pair at index " +
                    bad.Index + "; it must be valid Unicode", bad);
            }
        }

        internal static string Text(byte* text)
        {
            int length = 0;
            while (text[length] != 0) ++length;
            return Encoding.UTF8.GetString(text, length);
        }

        /// <summary>Calls until the buffer is large enough: some texts grow between two
        /// calls.</summary>
        internal static string Ask(TextCall call)
        {
            byte[] buffer = new byte[1024];
            while (true)
            {
                ulong needed = 0;
                int status;
                fixed (byte* text = buffer)
                {
                    status = call(text, (ulong)buffer.Length, &needed);
                    if (status == (int)VaeStatus.Ok) return Text(text);
                }
                if (status != (int)VaeStatus.TooSmall) Status.Check(status);
                buffer = new byte[needed];
            }
        }
    }
}
