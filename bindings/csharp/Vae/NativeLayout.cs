// Holds the declarations of NativeStructs.cs against the text of vae_layout(): a library whose
// structs lie differently is refused before it can be handed one. It only compares.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vae
{
    internal static class NativeLayout
    {
        private static readonly Type[] Structs =
        {
            typeof(vae_config), typeof(vae_batch), typeof(vae_output), typeof(vae_metrics),
            typeof(vae_progress), typeof(vae_run), typeof(vae_sampling), typeof(vae_param),
        };

        /// <summary>Throws a VaeException of status Version that names the first field, or
        /// struct, which does not lie where <paramref name="text"/> says.</summary>
        internal static void Check(string text)
        {
            Dictionary<string, long[]> library = Read(text);
            foreach (Type type in Structs)
            {
                // A newer library may have a larger struct: fields are only ever appended.
                long[] size = Find(library, type.Name);
                if (size[0] < Marshal.SizeOf(type))
                    throw Refuse(type.Name, "is " + size[0] + " bytes long",
                                 "at least " + Marshal.SizeOf(type));
                foreach (FieldInfo field in type.GetFields(
                             BindingFlags.Instance | BindingFlags.NonPublic))
                {
                    string name = type.Name + "." + field.Name;
                    long offset = Marshal.OffsetOf(type, field.Name).ToInt64();
                    long[] there = Find(library, name);
                    if (there[0] != offset || there[1] != SizeOf(field))
                        throw Refuse(name, "is " + there[1] + " bytes at offset " + there[0],
                                     SizeOf(field) + " bytes at offset " + offset);
                }
            }
        }

        private static int SizeOf(FieldInfo field)
        {
            object[] array = field.GetCustomAttributes(typeof(FixedBufferAttribute), false);
            if (array.Length == 0) return SizeOf(field.FieldType);
            FixedBufferAttribute buffer = (FixedBufferAttribute)array[0];
            return SizeOf(buffer.ElementType) * buffer.Length;
        }

        private static int SizeOf(Type type)
        {
            return type.IsPointer ? IntPtr.Size : Marshal.SizeOf(type);
        }

        private static Dictionary<string, long[]> Read(string text)
        {
            Dictionary<string, long[]> lines = new Dictionary<string, long[]>();
            foreach (string line in text.Split('\n'))
            {
                string[] words = line.Split(' ');
                long first = 0, second = 0;
                if (words.Length == 3 && Parse(words[1], out first) && Parse(words[2], out second))
                    lines[words[0]] = new[] { first, second };
            }
            return lines;
        }

        private static bool Parse(string word, out long number)
        {
            return long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture,
                                 out number);
        }

        private static long[] Find(Dictionary<string, long[]> library, string name)
        {
            if (library.TryGetValue(name, out long[] found)) return found;
            throw Refuse(name, "is not there", "one that has it");
        }

        private static VaeException Refuse(string name, string seen, string expected)
        {
            return new VaeException(
                VaeStatus.Version, "in this libvae " + name + " " + seen +
                "; this Vae.dll was made for " + expected);
        }
    }
}
