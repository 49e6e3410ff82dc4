// A small runner: runs every static method marked [Test]. It fails if a test fails, or if none
// ran.
//
//   Vae.Tests [PART_OF_A_NAME]
using System;
using System.Collections.Generic;
using System.Reflection;

namespace Vae.Tests
{
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class TestAttribute : Attribute
    {
    }

    internal sealed class CheckFailed : Exception
    {
        internal CheckFailed(string text) : base(text) { }
    }

    internal static class Check
    {
        internal static void That(bool holds, string what)
        {
            if (!holds) throw new CheckFailed(what);
        }

        internal static void Equal<T>(T expected, T actual, string what = "value")
        {
            if (!EqualityComparer<T>.Default.Equals(expected, actual))
                throw new CheckFailed(what + " is " + actual + "; expected " + expected);
        }

        internal static void Same<T>(T[] expected, T[] actual, string what)
        {
            Equal(expected.Length, actual.Length, what + ": length");
            for (int i = 0; i < expected.Length; ++i)
                Equal(expected[i], actual[i], what + "[" + i + "]");
        }

        internal static void Contains(string part, string text)
        {
            That(text.Contains(part), "'" + part + "' is not in: " + text);
        }

        /// <summary>Checks that exactly this type is thrown; returns the exception.</summary>
        internal static T Throws<T>(Action wrong) where T : Exception
        {
            try
            {
                wrong();
            }
            catch (Exception thrown)
            {
                if (thrown.GetType() == typeof(T)) return (T)thrown;
                throw new CheckFailed("expected " + typeof(T).Name + ", got " + thrown);
            }
            throw new CheckFailed("expected " + typeof(T).Name + ", nothing was thrown");
        }

        internal static string Fails(VaeStatus status, Action wrong)
        {
            VaeException thrown = Throws<VaeException>(wrong);
            That(thrown.Status == status, "expected " + status + ", got " + thrown);
            return thrown.Message;
        }
    }

    internal static class Runner
    {
        private static int Main(string[] arguments)
        {
            if (arguments.Length == 2 && arguments[0] == Child.Flag)
                return Child.Run(arguments[1]);
            string part = arguments.Length > 0 ? arguments[0] : "";
            int passed = 0, failed = 0;
            foreach (MethodInfo test in Tests())
            {
                string name = test.DeclaringType.Name + "." + test.Name;
                if (name.IndexOf(part, StringComparison.OrdinalIgnoreCase) < 0) continue;
                Exception failure = Run(test);
                if (failure == null) ++passed;
                else ++failed;
                Console.WriteLine((failure == null ? "ok     " : "FAILED ") + name);
                if (failure != null) Console.WriteLine(failure);
            }
            Console.WriteLine(passed + " passed, " + failed + " failed");
            return failed == 0 && passed > 0 ? 0 : 1;
        }

        private static Exception Run(MethodInfo test)
        {
            try
            {
                test.Invoke(null, null);
                return null;
            }
            catch (TargetInvocationException failure)
            {
                return failure.InnerException;
            }
        }

        private static List<MethodInfo> Tests()
        {
            List<MethodInfo> tests = new List<MethodInfo>();
            foreach (Type type in typeof(Runner).Assembly.GetTypes())
                foreach (MethodInfo method in type.GetMethods(
                             BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public))
                    if (method.IsDefined(typeof(TestAttribute), false)) tests.Add(method);
            tests.Sort((a, b) => string.CompareOrdinal(a.DeclaringType.Name + a.Name,
                                                       b.DeclaringType.Name + b.Name));
            return tests;
        }
    }
}
