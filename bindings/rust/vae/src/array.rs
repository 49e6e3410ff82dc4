//! Writes arrays to NumPy files, which `numpy.load()` reads.

use std::mem::size_of_val;
use std::path::Path;

use crate::choices::ElementType;
use crate::error::Result;
use crate::ffi;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
    impl Sealed for i64 {}
}

/// Element type of an array: `f32`, `u8` or `i64`.
pub trait Element: sealed::Sealed + Copy + 'static {
    /// The corresponding value of [`ElementType`].
    const TYPE: ElementType;
}

impl Element for u8 {
    const TYPE: ElementType = ElementType::Uint8;
}

impl Element for f32 {
    const TYPE: ElementType = ElementType::Float32;
}

impl Element for i64 {
    const TYPE: ElementType = ElementType::Int64;
}

/// Writes an array to a NumPy file (`.npy`), which `numpy.load()` reads.
///
/// `numbers` are in C order, the last dimension fastest; `shape` has 1 to 8
/// sizes, each at least 1, whose product is the length of `numbers`. An existing
/// file is replaced; a failed call does not change it.
///
/// ```
/// # fn main() -> Result<(), vae::Error> {
/// # let path = std::env::temp_dir().join(format!("vae_array_{}.npy", std::process::id()));
/// let two_codes = [0.5f32, -0.5, 1.0, 2.0, 3.0, 4.0];
/// vae::write_array(&path, &two_codes, &[2, 3])?;
/// # std::fs::remove_file(&path).unwrap();
/// # Ok(())
/// # }
/// ```
#[doc(alias = "vae_write_array")]
pub fn write_array<T: Element>(path: impl AsRef<Path>, numbers: &[T], shape: &[u64]) -> Result<()> {
    let path = ffi::c_path(path.as_ref())?;
    let rank = u32::try_from(shape.len()).unwrap_or(u32::MAX);
    let bytes = size_of_val(numbers) as u64;
    // SAFETY: all pointers are valid for the call and have the sizes given.
    ffi::call(|| unsafe {
        vae_sys::vae_write_array(
            path.as_ptr(),
            numbers.as_ptr().cast(),
            bytes,
            T::TYPE.into(),
            shape.as_ptr(),
            rank,
        )
    })
}
