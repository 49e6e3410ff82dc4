//! `call`, through which every call to the library passes. It checks that the
//! library matches this crate, rejects calls from a log closure, and converts the
//! status to a `Result`.

use std::ffi::CString;
use std::mem::{size_of, MaybeUninit};
use std::os::raw::c_char;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use vae_sys::{layout, vae_status, VAE_ABI_VERSION, VAE_OK};

use crate::error::{Error, Result, Status};

/// Calls the library and converts its status to a `Result`.
pub(crate) fn call(function: impl FnOnce() -> vae_status) -> Result<()> {
    check_library()?;
    if crate::log::inside() {
        let text = "a log closure called the library, which is not allowed";
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

/// Checks that the loaded library has the layout and version that this crate was
/// compiled with. Success is remembered.
#[doc(alias = "vae_layout")]
fn check_library() -> Result<()> {
    static MATCHES: AtomicBool = AtomicBool::new(false);
    if MATCHES.load(Ordering::Relaxed) {
        return Ok(());
    }
    // SAFETY: has no arguments.
    let version = unsafe { vae_sys::vae_abi_version() };
    let difference = if version != VAE_ABI_VERSION {
        Some(format!(
            "its interface version is {version}, not {VAE_ABI_VERSION}"
        ))
    } else {
        // SAFETY: `text` has `capacity` bytes.
        let text = two_calls(|text, capacity, needed| {
            check(unsafe { vae_sys::vae_layout(text.cast(), capacity, needed) })
        })?;
        layout::mismatch(&String::from_utf8_lossy(&text))
    };
    match difference {
        None => {
            MATCHES.store(true, Ordering::Relaxed);
            Ok(())
        }
        Some(difference) => Err(Error::new(
            Status::VERSION,
            format!("the loaded libvae does not match this crate: {difference}"),
        )),
    }
}

/// A struct filled by its init function.
pub(crate) fn initialised<T: Copy>(
    init: unsafe extern "C" fn(*mut T, u32) -> vae_status,
) -> Result<T> {
    let mut object = MaybeUninit::<T>::zeroed();
    // SAFETY: the size is that of `object`. T consists of numbers and pointers,
    // for which zero bytes are valid.
    unsafe {
        call(|| init(object.as_mut_ptr(), size_of::<T>() as u32))?;
        Ok(object.assume_init())
    }
}

/// Output of a function that is called twice: for the size, then for the bytes.
fn two_calls(mut ask: impl FnMut(*mut u8, u64, *mut u64) -> Result<()>) -> Result<Vec<u8>> {
    let mut needed = 0;
    ask(null_mut(), 0, &mut needed)?;
    let mut bytes = zeros(size(needed, "bytes")?)?;
    ask(bytes.as_mut_ptr(), needed, &mut needed)?;
    Ok(bytes)
}

/// A file from a function that is called twice.
pub(crate) fn bytes(mut ask: impl FnMut(*mut u8, u64, *mut u64) -> vae_status) -> Result<Vec<u8>> {
    two_calls(|data, capacity, needed| call(|| ask(data, capacity, needed)))
}

/// A text from a function that is called twice.
pub(crate) fn text(
    mut ask: impl FnMut(*mut c_char, u64, *mut u64) -> vae_status,
) -> Result<String> {
    let mut bytes = bytes(|data, capacity, needed| ask(data.cast(), capacity, needed))?;
    bytes.pop(); // the final zero
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `count` zeros. Error(MEMORY) if they do not fit, where `vec!` would abort.
pub(crate) fn zeros<T: Default + Clone>(count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| {
        let text = format!("{count} x {} bytes cannot be allocated", size_of::<T>());
        Error::new(Status::MEMORY, text)
    })?;
    values.resize(count, T::default());
    Ok(values)
}

/// A 64-bit size from the library as `usize`.
pub(crate) fn size(number: u64, what: &str) -> Result<usize> {
    usize::try_from(number).map_err(|_| too_many(number, what))
}

pub(crate) fn too_many(number: impl std::fmt::Display, what: &str) -> Error {
    Error::argument(format!("{number} {what} exceed the address space"))
}

/// A zero-terminated text, which therefore must not contain a zero byte.
pub(crate) fn c_text(text: &str, what: &str) -> Result<CString> {
    CString::new(text).map_err(|error| {
        let index = error.nul_position();
        Error::argument(format!("{what} has a zero byte at index {index}: {text:?}"))
    })
}

/// A zero-terminated path; the library takes UTF-8.
pub(crate) fn c_path(path: &Path) -> Result<CString> {
    match path.to_str() {
        Some(text) => c_text(text, "path"),
        None => Err(Error::argument(format!("path is not UTF-8: {path:?}"))),
    }
}
