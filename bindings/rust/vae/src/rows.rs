//! Views of input rows and of buffers for output rows, in host or GPU memory.
//! They own and copy nothing.

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

/// Element type of an image: `u8` (0 to 255) or `f32` (0 to 1).
pub trait Pixel: sealed::Sealed + Copy + Default + 'static {
    /// The corresponding value of [`ElementType`].
    const TYPE: ElementType;
}

impl Pixel for u8 {
    const TYPE: ElementType = ElementType::Uint8;
}

impl Pixel for f32 {
    const TYPE: ElementType = ElementType::Float32;
}

/// Numbers of one image of `shape` (channels, height, width).
pub(crate) fn row_of(shape: [u32; 3]) -> Result<usize> {
    let product = shape.iter().try_fold(1usize, |product, &side| {
        product.checked_mul(usize::try_from(side).ok()?)
    });
    product.ok_or_else(|| Error::argument(format!("shape is {shape:?}, above the address space")))
}

/// Numbers of `count` rows of `row` numbers each.
pub(crate) fn total(count: u64, row: usize) -> Result<usize> {
    let rows = ffi::size(count, "rows")?;
    rows.checked_mul(row)
        .ok_or_else(|| ffi::too_many(count, "rows"))
}

/// Input rows: images, or codes to decode. Borrowed for the call.
///
/// Slices, arrays and `Vec`s of `u8` or `f32` convert to it, so it is rarely
/// named. `u8` is divided by 255; `f32` must lie in \[0, 1\] (Bernoulli) or be
/// finite (Gaussian), else [`Status::ARGUMENT`](crate::Status::ARGUMENT) names
/// the index of the first bad number. The number of rows follows from the length,
/// which must be a multiple of a row's.
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
    /// `None`: as many rows as `bytes` holds.
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
    /// `count` rows in GPU memory: `bytes` bytes at `data`, written on `stream`, a
    /// `cudaStream_t` or null for the default stream.
    ///
    /// # Safety
    /// `data` is the address of `bytes` readable bytes on the trainer's GPU,
    /// aligned for `element`. They must not change until the work issued by the
    /// call is done; [`Model::synchronize`](crate::Model::synchronize) waits for
    /// it. `stream` is valid.
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

    /// The same with images of `[row][column][channel]`, as in image files.
    pub fn hwc(mut self) -> Self {
        self.layout = VAE_HWC;
        self
    }

    /// The C struct, for rows of `row` numbers.
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
/// `&mut` slices, arrays and `Vec`s of `u8` or `f32` convert to it; a `Vec` is
/// not resized. Images can be of either type, everything else is `f32`.
#[doc(alias = "vae_output_init")]
#[derive(Debug)]
pub struct Output<'a> {
    element: ElementType,
    data: *mut c_void,
    bytes: usize,
    layout: i32,
    device: i32,
    stream: *mut c_void,
    wanted: bool,
    borrowed: PhantomData<&'a mut [u8]>,
}

impl<'a, T: Pixel> From<&'a mut [T]> for Output<'a> {
    fn from(rows: &'a mut [T]) -> Self {
        Output {
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

impl<'a, T: Pixel> From<&'a mut Vec<T>> for Output<'a> {
    fn from(rows: &'a mut Vec<T>) -> Self {
        rows.as_mut_slice().into()
    }
}

impl<'a, T: Pixel, const N: usize> From<&'a mut [T; N]> for Output<'a> {
    fn from(rows: &'a mut [T; N]) -> Self {
        rows.as_mut_slice().into()
    }
}

impl<'a> Output<'a> {
    /// No buffer, for one of two results that is not wanted.
    pub fn none() -> Self {
        let nothing: &mut [f32] = &mut [];
        let mut output = Output::from(nothing);
        output.wanted = false;
        output
    }

    /// A buffer in GPU memory that will be read on `stream`, a `cudaStream_t` or
    /// null for the default stream.
    ///
    /// # Safety
    /// `data` is the address of `bytes` writable bytes on the trainer's GPU,
    /// aligned for `element`. Nothing else accesses them until the work issued by
    /// the call is done, in the order of `stream`. `stream` is valid.
    pub unsafe fn on_device(
        element: ElementType,
        data: *mut c_void,
        bytes: usize,
        stream: *mut c_void,
    ) -> Self {
        Output {
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

    /// The same with images of `[row][column][channel]`, as in image files.
    pub fn hwc(mut self) -> Self {
        self.layout = VAE_HWC;
        self
    }

    /// The C struct; `None` for [`Output::none`].
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
