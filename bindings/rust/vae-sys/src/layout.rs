//! Offset and size of each field. The table is checked against this crate's
//! structs at compile time and against the library's report at run time, because
//! a C and a Rust compiler may lay out structs differently.

use std::mem::{align_of, size_of, MaybeUninit};
use std::ptr::addr_of;

use crate::structs::*;

/// A struct's size and alignment, and its fields in order.
#[derive(Clone, Copy, Debug)]
pub struct StructLayout {
    /// As in `vae.h`.
    pub name: &'static str,
    /// In bytes.
    pub size: usize,
    /// In bytes.
    pub align: usize,
    /// In order; they fill the struct without padding.
    pub fields: &'static [FieldLayout],
}

/// Offset and size of a field.
#[derive(Clone, Copy, Debug)]
pub struct FieldLayout {
    /// As in `vae.h`.
    pub name: &'static str,
    /// In bytes from the struct's beginning.
    pub offset: usize,
    /// In bytes.
    pub size: usize,
}

#[allow(dead_code)] // Rust 1.63 sees no use in constants
const fn size_behind<T>(_: *const T) -> usize {
    size_of::<T>()
}

/// Defines the table and checks it at compile time. If the sizes of a `repr(C)`
/// struct's fields add up to its own, it has no padding, so each field begins
/// where the previous one ends. This avoids `offset_of!`, which needs Rust 1.77.
macro_rules! layouts {
    ($($name:ident: $size:literal, $align:literal {
        $($field:ident: $offset:literal, $bytes:literal;)*
    })*) => {
        /// Every struct of `vae.h`, in its order.
        pub const LAYOUTS: &[StructLayout] = &[$(StructLayout {
            name: stringify!($name),
            size: $size,
            align: $align,
            fields: &[$(FieldLayout {
                name: stringify!($field),
                offset: $offset,
                size: $bytes,
            }),*],
        }),*];

        $(const _: () = {
            assert!(size_of::<$name>() == $size);
            assert!(align_of::<$name>() == $align);
            let object = MaybeUninit::<$name>::uninit();
            let mut end = 0;
            $(
                assert!(end == $offset);
                // SAFETY: takes the address of a field and reads nothing.
                let bytes = size_behind(unsafe { addr_of!((*object.as_ptr()).$field) });
                assert!(bytes == $bytes);
                end += bytes;
            )*
            assert!(end == $size);
        };)*
    };
}

layouts! {
    // [fields: structs] by tools/fields/generate; do not edit
    vae_config: 248, 8 {
        struct_size: 0, 4;
        abi_version: 4, 4;
        model: 8, 4;
        net: 12, 4;
        channels: 16, 4;
        height: 20, 4;
        width: 24, 4;
        latent: 28, 4;
        layer_count: 32, 4;
        condition_size: 36, 4;
        layers: 40, 32;
        likelihood: 72, 4;
        sum_gradient: 76, 4;
        gaussian_sigma: 80, 8;
        kl_weight: 88, 8;
        learning_rate: 96, 8;
        beta1: 104, 8;
        beta2: 112, 8;
        epsilon: 120, 8;
        weight_decay: 128, 8;
        clip_norm: 136, 8;
        seed: 144, 8;
        max_batch: 152, 4;
        samples: 156, 4;
        threads: 160, 4;
        keep_gradients: 164, 4;
        device: 168, 4;
        device_index: 172, 4;
        precision: 176, 4;
        engine: 180, 4;
        nonfinite: 184, 4;
        deterministic: 188, 4;
        graph: 192, 4;
        graph_steps: 196, 4;
        optimizer: 200, 4;
        schedule: 204, 4;
        schedule_floor: 208, 8;
        schedule_updates: 216, 8;
        warmup_updates: 224, 8;
        kl_warmup_updates: 232, 8;
        kl_cycle_updates: 240, 8;
    }
    vae_batch: 64, 8 {
        struct_size: 0, 4;
        dtype: 4, 4;
        data: 8, 8;
        bytes: 16, 8;
        count: 24, 8;
        device: 32, 4;
        layout: 36, 4;
        stream: 40, 8;
        labels: 48, 8;
        condition: 56, 8;
    }
    vae_output: 48, 8 {
        struct_size: 0, 4;
        dtype: 4, 4;
        data: 8, 8;
        bytes: 16, 8;
        written: 24, 8;
        device: 32, 4;
        layout: 36, 4;
        stream: 40, 8;
    }
    vae_metrics: 104, 8 {
        struct_size: 0, 4;
        active_units: 4, 4;
        steps: 8, 8;
        images: 16, 8;
        skipped_steps: 24, 8;
        nonfinite_steps: 32, 8;
        loss: 40, 8;
        reconstruction: 48, 8;
        kl: 56, 8;
        mse: 64, 8;
        gradient_norm: 72, 8;
        seconds: 80, 8;
        kl_per_dim: 88, 8;
        kl_bytes: 96, 8;
    }
    vae_progress: 72, 8 {
        struct_size: 0, 4;
        phase: 4, 4;
        epoch: 8, 8;
        step: 16, 8;
        steps: 24, 8;
        images: 32, 8;
        loss: 40, 8;
        reconstruction: 48, 8;
        kl: 56, 8;
        seconds: 64, 8;
    }
    vae_run: 40, 8 {
        struct_size: 0, 4;
        every_steps: 4, 4;
        batch_size: 8, 8;
        max_steps: 16, 8;
        progress: 24, 8;
        user: 32, 8;
    }
    vae_sampling: 56, 8 {
        struct_size: 0, 4;
        reserved: 4, 4;
        count: 8, 8;
        seed: 16, 8;
        first: 24, 8;
        temperature: 32, 8;
        labels: 40, 8;
        condition: 48, 8;
    }
    vae_param: 152, 8 {
        struct_size: 0, 4;
        dtype: 4, 4;
        rank: 8, 4;
        trainable: 12, 4;
        shape: 16, 64;
        elements: 80, 8;
        name: 88, 64;
    }
    // [end of structs]
}

/// Compares [`LAYOUTS`] with the text of `vae_layout()` and describes the first
/// difference. A struct may be longer in the library: structs grow at their end,
/// and the library accepts shorter ones.
pub fn mismatch(reported: &str) -> Option<String> {
    let find = |name: &str| -> Option<(usize, usize)> {
        let mut numbers = reported
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?
            .split(' ')
            .map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    for layout in LAYOUTS {
        match find(layout.name) {
            Some((size, align)) if size >= layout.size && align == layout.align => {}
            found => {
                return Some(format!(
                    "{}: size and alignment are {:?} here, {:?} in the library",
                    layout.name,
                    (layout.size, layout.align),
                    found
                ))
            }
        }
        for field in layout.fields {
            let name = format!("{}.{}", layout.name, field.name);
            let found = find(&name);
            if found != Some((field.offset, field.size)) {
                return Some(format!(
                    "{name}: offset and size are {:?} here, {found:?} in the library",
                    (field.offset, field.size)
                ));
            }
        }
    }
    None
}
