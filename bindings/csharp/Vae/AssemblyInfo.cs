// Compiled into Vae.dll: who may see what is internal.
using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Vae.Tests")]
