//! Version and build of the library, and grids of images.

use std::ffi::CStr;
use std::path::Path;
use std::ptr::null_mut;

use crate::error::Result;
use crate::ffi;
use crate::rows::{self, Batch};

/// Version of the library that was loaded, "major.minor.patch".
#[doc(alias = "vae_version")]
pub fn version() -> &'static str {
    // SAFETY: a static string, never NULL (vae.h).
    let version = unsafe { CStr::from_ptr(vae_sys::vae_version()) };
    version.to_str().unwrap_or_default()
}

/// Version of the C interface that the library was compiled with.
#[doc(alias = "vae_abi_version")]
pub fn abi_version() -> u32 {
    // SAFETY: has no arguments.
    unsafe { vae_sys::vae_abi_version() }
}

/// JSON: version, compiler, flavour, LibTorch, instruction set.
#[doc(alias = "vae_build_info")]
pub fn build_info() -> Result<String> {
    // SAFETY: `text` has `capacity` bytes.
    ffi::text(|text, capacity, needed| unsafe { vae_sys::vae_build_info(text, capacity, needed) })
}

/// JSON: each device, whether it can be used, and if not, why.
/// [`Model::diagnose`](crate::Model::diagnose) describes a trainer's device.
#[doc(alias = "vae_diagnose")]
pub fn diagnose() -> Result<String> {
    // SAFETY: as above; the trainer may be NULL.
    ffi::text(|text, capacity, needed| unsafe {
        vae_sys::vae_diagnose(null_mut(), text, capacity, needed)
    })
}

/// Writes images as a grid to a PNG file, with a border of 2 black pixels.
///
/// `images` are in host memory; floats are clipped to \[0, 1\]. `shape` is their
/// channels (1 or 3), height and width. `columns` 0 means the square root of the
/// count, rounded up. An existing file is replaced; a failed call does not
/// change it.
///
/// ```
/// # fn main() -> Result<(), vae::Error> {
/// # let path = std::env::temp_dir().join(format!("vae_grid_{}.png", std::process::id()));
/// let four_squares = [0, 85, 170, 255].map(|grey| [grey; 25]).concat();
/// vae::write_grid(&path, &four_squares, [1, 5, 5], 2)?;
/// # std::fs::remove_file(&path).unwrap();
/// # Ok(())
/// # }
/// ```
#[doc(alias = "vae_write_grid")]
pub fn write_grid<'a>(
    path: impl AsRef<Path>,
    images: impl Into<Batch<'a>>,
    shape: [u32; 3],
    columns: u32,
) -> Result<()> {
    let path = ffi::c_path(path.as_ref())?;
    let images = images.into().raw(rows::row_of(shape)?, "images")?;
    // SAFETY: all pointers are valid for the call.
    ffi::call(|| unsafe {
        vae_sys::vae_write_grid(path.as_ptr(), &images, shape.as_ptr(), columns)
    })
}
