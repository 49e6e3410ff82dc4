//! Input rows and buffers for output rows: views of the host's slices,
//! or of a GPU's memory. They own nothing and copy nothing.

use std::marker::PhantomData;
use std::mem::{size_of, size_of_val};
use std::os::raw::c_void;
use std::ptr::null_mut;

use vae_sys::{vae_batch, vae_output, VAE_CHW, VAE_CPU, VAE_CUDA, VAE_HWC};

use crate::choices::ElementType;
use crate::error::{Error, Result};
use crate::ffi;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for f32 {}
}

/// What an image's numbers may be: `u8` (0 to 255) or `f32` (0 to 1).
pub trait Pixel: sealed::Sealed + Copy + Default + 'static {
    /// The same, for programs.
    const TYPE: ElementType;
}

impl Pixel for u8 {
    const TYPE: ElementType = ElementType::Uint8;
}

impl Pixel for f32 {
    const TYPE: ElementType = ElementType::Float32;
}

/// What a row of `shape` (channels, height, width) has: its product.
pub(crate) fn row_of(shape: [u32; 3]) -> Result<usize> {
    let product = shape.iter().try_fold(1usize, |product, &side| {
        product.checked_mul(usize::try_from(side).ok()?)
    });
    product.ok_or_else(|| Error::argument(format!("shape is {shape:?}, more than memory can hold")))
}

/// How many numbers `count` rows of `row` have.
pub(crate) fn total(count: u64, row: usize) -> Result<usize> {
    let rows = ffi::size(count, "rows")?;
    rows.checked_mul(row)
        .ok_or_else(|| ffi::too_many(count, "rows"))
}

/// Rows that go in: images, or codes to decode. Borrowed for the call.
///
/// Slices, arrays and `Vec`s of `u8` or `f32` become one by themselves, so it
/// is rarely named. `u8` is divided by 255; `f32` lies in \[0, 1\] (Bernoulli) or
/// is finite (Gaussian), else [`Status::ARGUMENT`](crate::Status::ARGUMENT)
/// names the first offender by its index. How many rows there are follows from
/// the length, which must be a multiple of a row's.
///
/// ```
/// # fn main() -> Result<(), vae::Error> {
/// # let config = vae::Config::default().size(3, 8, 8).layers([4, 4]).threads(1);
/// # let mut trainer = vae::Trainer::new(&config)?;
/// let interleaved = [0u8; 2 * 8 * 8 * 3]; // red, green, blue, red, ...
/// trainer.train_step(vae::Batch::from(&interleaved).hwc())?;
/// # Ok(())
/// # }
/// ```
#[doc(alias = "vae_batch_init")]
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    element: ElementType,
    data: *const c_void,
    bytes: usize,
    /// `None`: what `bytes` has, exactly.
    count: Option<u64>,
    layout: i32,
    device: i32,
    stream: *mut c_void,
    borrowed: PhantomData<&'a [u8]>,
}

impl<'a, T: Pixel> From<&'a [T]> for Batch<'a> {
    fn from(rows: &'a [T]) -> Self {
        Batch {
            element: T::TYPE,
            data: rows.as_ptr().cast(),
            bytes: size_of_val(rows),
            count: None,
            layout: VAE_CHW,
            device: VAE_CPU,
            stream: null_mut(),
            borrowed: PhantomData,
        }
    }
}

impl<'a, T: Pixel> From<&'a Vec<T>> for Batch<'a> {
    fn from(rows: &'a Vec<T>) -> Self {
        rows.as_slice().into()
    }
}

impl<'a, T: Pixel, const N: usize> From<&'a [T; N]> for Batch<'a> {
    fn from(rows: &'a [T; N]) -> Self {
        rows.as_slice().into()
    }
}

impl<'a> Batch<'a> {
    /// Rows in a GPU's memory: `count` of them in `bytes` at `data`, written by
    /// `stream`, a `cudaStream_t` or null for the default stream.
    ///
    /// # Safety
    /// `data` is the address of `bytes` readable bytes on the trainer's GPU,
    /// aligned for `element`. They stay as they are until what was issued by the
    /// call has happened: [`Model::synchronize`](crate::Model::synchronize)
    /// waits for it. `stream` is valid.
    pub unsafe fn on_device(
        element: ElementType,
        data: *const c_void,
        bytes: usize,
        count: u64,
        stream: *mut c_void,
    ) -> Self {
        Batch {
            element,
            data,
            bytes,
            count: Some(count),
            layout: VAE_CHW,
            device: VAE_CUDA,
            stream,
            borrowed: PhantomData,
        }
    }

    /// The same, each image `[row][column][channel]`, as in image files.
    pub fn hwc(mut self) -> Self {
        self.layout = VAE_HWC;
        self
    }

    /// What the library is told, if a row has `row` numbers.
    pub(crate) fn raw(&self, row: usize, what: &str) -> Result<vae_batch> {
        let size = match self.element {
            ElementType::Uint8 => size_of::<u8>(),
            ElementType::Float32 => size_of::<f32>(),
            ElementType::Int64 => size_of::<i64>(),
        };
        let numbers = self.bytes / size;
        let count = match self.count {
            Some(count) => count,
            None if row != 0 && numbers % row == 0 => (numbers / row) as u64,
            None => {
                return Err(Error::argument(format!(
                    "{what}: {numbers} numbers are not a whole number of rows of {row}"
                )))
            }
        };
        let mut raw = ffi::initialised(vae_sys::vae_batch_init)?;
        raw.dtype = self.element.into();
        raw.data = self.data;
        raw.bytes = self.bytes as u64;
        raw.count = count;
        raw.layout = self.layout;
        raw.device = self.device;
        raw.stream = self.stream;
        Ok(raw)
    }
}

/// Buffer for output rows. Nothing is written if it is too small.
///
/// `&mut` slices, arrays and `Vec`s (of the length they have) of `u8` or `f32`
/// become one by themselves. Images come as either, all else as `f32` only.
#[doc(alias = "vae_output_init")]
#[derive(Debug)]
pub struct Room<'a> {
    element: ElementType,
    data: *mut c_void,
    bytes: usize,
    layout: i32,
    device: i32,
    stream: *mut c_void,
    wanted: bool,
    borrowed: PhantomData<&'a mut [u8]>,
}

impl<'a, T: Pixel> From<&'a mut [T]> for Room<'a> {
    fn from(rows: &'a mut [T]) -> Self {
        Room {
            element: T::TYPE,
            bytes: size_of_val(rows),
            data: rows.as_mut_ptr().cast(),
            layout: VAE_CHW,
            device: VAE_CPU,
            stream: null_mut(),
            wanted: true,
            borrowed: PhantomData,
        }
    }
}

impl<'a, T: Pixel> From<&'a mut Vec<T>> for Room<'a> {
    fn from(rows: &'a mut Vec<T>) -> Self {
        rows.as_mut_slice().into()
    }
}

impl<'a, T: Pixel, const N: usize> From<&'a mut [T; N]> for Room<'a> {
    fn from(rows: &'a mut [T; N]) -> Self {
        rows.as_mut_slice().into()
    }
}

impl<'a> Room<'a> {
    /// None: for one of two results that is not wanted.
    pub fn none() -> Self {
        let nothing: &mut [f32] = &mut [];
        let mut room = Room::from(nothing);
        room.wanted = false;
        room
    }

    /// A buffer in GPU memory, which `stream`, a `cudaStream_t` or null for the
    /// default stream, will read.
    ///
    /// # Safety
    /// `data` is the address of `bytes` writable bytes on the trainer's GPU,
    /// aligned for `element`. Nothing else touches them until the call's work
    /// has happened, in the order of `stream`, which is valid.
    pub unsafe fn on_device(
        element: ElementType,
        data: *mut c_void,
        bytes: usize,
        stream: *mut c_void,
    ) -> Self {
        Room {
            element,
            data,
            bytes,
            layout: VAE_CHW,
            device: VAE_CUDA,
            stream,
            wanted: true,
            borrowed: PhantomData,
        }
    }

    /// The same, each image `[row][column][channel]`, as in image files.
    pub fn hwc(mut self) -> Self {
        self.layout = VAE_HWC;
        self
    }

    /// What the library is told; `None` if nothing is wanted.
    pub(crate) fn raw(&mut self) -> Result<Option<vae_output>> {
        if !self.wanted {
            return Ok(None);
        }
        let mut raw = ffi::initialised(vae_sys::vae_output_init)?;
        raw.dtype = self.element.into();
        raw.data = self.data;
        raw.bytes = self.bytes as u64;
        raw.layout = self.layout;
        raw.device = self.device;
        raw.stream = self.stream;
        Ok(Some(raw))
    }
}

/// The address of an output, or NULL.
pub(crate) fn address(output: &mut Option<vae_output>) -> *mut vae_output {
    output.as_mut().map_or(null_mut(), |output| output)
}
