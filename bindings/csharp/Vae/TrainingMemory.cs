// What training holds at most: the answer of VaeConfig.Memory.
namespace Vae
{
    /// <summary>How much memory training holds at most.</summary>
    public readonly struct TrainingMemory
    {
        internal TrainingMemory(ulong hostBytes, ulong deviceBytes)
        {
            HostBytes = hostBytes;
            DeviceBytes = deviceBytes;
        }

        /// <summary>Bytes in host memory.</summary>
        public ulong HostBytes { get; }

        /// <summary>Bytes in a GPU's memory; 0 on the CPU.</summary>
        public ulong DeviceBytes { get; }
    }
}
