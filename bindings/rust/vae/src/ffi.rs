//! The one way into the library: `call`. It sees to it that the library fits
//! this crate, that no log closure calls back, and that a status becomes a
//! `Result`. Nothing here knows what is called.

use std::ffi::CString;
use std::mem::{size_of, MaybeUninit};
use std::os::raw::c_char;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use vae_sys::{layout, vae_status, VAE_ABI_VERSION, VAE_OK};

use crate::error::{Error, Result, Status};

/// Calls the library and makes its status a `Result`.
pub(crate) fn call(function: impl FnOnce() -> vae_status) -> Result<()> {
    fits()?;
    if crate::log::inside() {
        let text = "the library was called from inside a log closure, which it does not allow";
        return Err(Error::new(Status::BUSY, text));
    }
    check(function())
}

fn check(status: vae_status) -> Result<()> {
    match status {
        VAE_OK => Ok(()),
        other => Err(Error::of_last_call(other)),
    }
}

/// Whether the library that was loaded has the layout and version that this
/// crate was compiled with; looked at until it was once found so.
#[doc(alias = "vae_layout")]
fn fits() -> Result<()> {
    static FITS: AtomicBool = AtomicBool::new(false);
    if FITS.load(Ordering::Relaxed) {
        return Ok(());
    }
    // SAFETY: takes nothing.
    let version = unsafe { vae_sys::vae_abi_version() };
    let difference = if version != VAE_ABI_VERSION {
        Some(format!(
            "its interface is of version {version}, not {VAE_ABI_VERSION}"
        ))
    } else {
        // SAFETY: `two_calls` gives room of the size it tells.
        let text = two_calls(|text, capacity, needed| {
            check(unsafe { vae_sys::vae_layout(text.cast(), capacity, needed) })
        })?;
        layout::mismatch(&String::from_utf8_lossy(&text))
    };
    match difference {
        None => {
            FITS.store(true, Ordering::Relaxed);
            Ok(())
        }
        Some(difference) => Err(Error::new(
            Status::VERSION,
            format!("the libvae that was loaded does not fit this crate: {difference}"),
        )),
    }
}

/// A struct as its init function fills it.
pub(crate) fn initialised<T: Copy>(
    init: unsafe extern "C" fn(*mut T, u32) -> vae_status,
) -> Result<T> {
    let mut room = MaybeUninit::<T>::zeroed();
    // SAFETY: `room` has the size that is told; an init function writes plain
    // numbers and pointers, for which zero was valid already.
    unsafe {
        call(|| init(room.as_mut_ptr(), size_of::<T>() as u32))?;
        Ok(room.assume_init())
    }
}

/// Bytes from a function that is asked twice: for the size, then for them.
fn two_calls(mut ask: impl FnMut(*mut u8, u64, *mut u64) -> Result<()>) -> Result<Vec<u8>> {
    let mut needed = 0;
    ask(null_mut(), 0, &mut needed)?;
    let mut bytes = zeros(size(needed, "bytes")?)?;
    ask(bytes.as_mut_ptr(), needed, &mut needed)?;
    Ok(bytes)
}

/// A file from a function that is asked twice.
pub(crate) fn bytes(mut ask: impl FnMut(*mut u8, u64, *mut u64) -> vae_status) -> Result<Vec<u8>> {
    two_calls(|data, capacity, needed| call(|| ask(data, capacity, needed)))
}

/// A text from a function that is asked twice.
pub(crate) fn text(
    mut ask: impl FnMut(*mut c_char, u64, *mut u64) -> vae_status,
) -> Result<String> {
    let mut bytes = bytes(|data, capacity, needed| ask(data.cast(), capacity, needed))?;
    bytes.pop(); // the final zero
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Memory that is asked for before it is taken: too much is an error, not an
/// abort.
pub(crate) fn zeros<T: Default + Clone>(count: usize) -> Result<Vec<T>> {
    let mut room = Vec::new();
    room.try_reserve_exact(count).map_err(|_| {
        let text = format!("no memory for {count} x {} bytes", size_of::<T>());
        Error::new(Status::MEMORY, text)
    })?;
    room.resize(count, T::default());
    Ok(room)
}

/// A number of the library's as a size in this program's memory.
pub(crate) fn size(number: u64, what: &str) -> Result<usize> {
    usize::try_from(number).map_err(|_| too_many(number, what))
}

pub(crate) fn too_many(number: impl std::fmt::Display, what: &str) -> Error {
    Error::argument(format!("{number} {what} are more than memory can hold"))
}

/// A text for the library: it ends at its first zero byte, so it has none.
pub(crate) fn c_text(text: &str, what: &str) -> Result<CString> {
    CString::new(text).map_err(|error| {
        let place = error.nul_position();
        Error::argument(format!("{what} has a zero byte at index {place}: {text:?}"))
    })
}

/// A path for the library: UTF-8.
pub(crate) fn c_path(path: &Path) -> Result<CString> {
    match path.to_str() {
        Some(text) => c_text(text, "path"),
        None => Err(Error::argument(format!("path is not UTF-8: {path:?}"))),
    }
}
