// Compares the declarations of NativeStructs.cs with the text of vae_layout(). A library with
// another layout is rejected before it receives a struct.
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

        /// <summary>Throws a VaeException of status Version that names the first struct or field
        /// that differs from <paramref name="text"/>.</summary>
        internal static void Check(string text)
        {
            Dictionary<string, long[]> library = Read(text);
            foreach (Type type in Structs)
            {
                // A newer library may have a larger struct, because structs grow at their end.
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
                string[] parts = line.Split(' ');
                long first = 0, second = 0;
                if (parts.Length == 3 && Parse(parts[1], out first) && Parse(parts[2], out second))
                    lines[parts[0]] = new[] { first, second };
            }
            return lines;
        }

        private static bool Parse(string text, out long number)
        {
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture,
                                 out number);
        }

        private static long[] Find(Dictionary<string, long[]> library, string name)
        {
            if (library.TryGetValue(name, out long[] found)) return found;
            throw Refuse(name, "is missing", "one that has it");
        }

        private static VaeException Refuse(string name, string actual, string expected)
        {
            return new VaeException(
                VaeStatus.Version, "in this libvae " + name + " " + actual +
                "; this Vae.dll was built for " + expected);
        }
    }
}
