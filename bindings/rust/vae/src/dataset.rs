//! Images in memory, for training whole epochs.

use std::ops::Range;
use std::path::Path;
use std::ptr::{null, null_mut};

use vae_sys::vae_dataset;

use crate::error::{Error, Result};
use crate::ffi;
use crate::rows::{address, row_of, total, Batch, Output, Pixel};

/// Images in memory, with optional labels. Immutable: any number of threads may
/// use one at once. Trainers that still use the images of a dropped dataset keep
/// them alive.
#[derive(Debug)]
pub struct Dataset {
    raw: *mut vae_dataset,
    len: u64,
    shape: [u32; 3],
    classes: u32,
}

// SAFETY: "A dataset is immutable: any number of threads may use one at once"
// (vae.h, rule 4).
unsafe impl Send for Dataset {}
unsafe impl Sync for Dataset {}

impl Dataset {
    /// Reads images from a file or directory: a directory with MNIST's file
    /// names, gzipped or not (the training set, or the set named by an appended
    /// "/train" or "/test"); one IDX file; a directory of PNG files, or of
    /// subdirectories of PNG files, which in natural order are the labels 0, 1,
    /// ...; a directory that contains a directory `train`, which is read.
    #[doc(alias = "vae_dataset_open")]
    pub fn open(path: impl AsRef<Path>) -> Result<Dataset> {
        let path = ffi::c_path(path.as_ref())?;
        // SAFETY: a zero-terminated path; no labels.
        Dataset::create(|raw| unsafe { vae_sys::vae_dataset_open(path.as_ptr(), null(), raw) })
    }

    /// Reads one IDX file and the IDX file of its labels.
    #[doc(alias = "vae_dataset_open")]
    pub fn open_labelled(path: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Dataset> {
        let path = ffi::c_path(path.as_ref())?;
        let labels = ffi::c_path(labels.as_ref())?;
        // SAFETY: zero-terminated paths.
        Dataset::create(|raw| unsafe {
            vae_sys::vae_dataset_open(path.as_ptr(), labels.as_ptr(), raw)
        })
    }

    /// Copies images of `shape` (channels, height, width) from host memory, and
    /// optionally one label >= 0 per image. The element type is kept.
    ///
    /// ```
    /// # fn main() -> Result<(), vae::Error> {
    /// let pixels = [[0u8; 64], [255; 64]].concat();
    /// let images = vae::Dataset::from_memory(&pixels, Some(&[0, 1]), [1, 8, 8])?;
    /// assert_eq!((images.len(), images.classes()), (2, 2));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "vae_dataset_from_memory")]
    pub fn from_memory<'a>(
        images: impl Into<Batch<'a>>,
        labels: Option<&[i32]>,
        shape: [u32; 3],
    ) -> Result<Dataset> {
        let mut all = images.into().raw(row_of(shape)?, "images")?;
        if let Some(labels) = labels {
            if labels.len() as u64 != all.count {
                return Err(Error::argument(format!(
                    "labels has {} entries; there are {} images",
                    labels.len(),
                    all.count
                )));
            }
            all.labels = labels.as_ptr();
        }
        // SAFETY: borrowed for the call; one label per image.
        Dataset::create(|raw| unsafe {
            vae_sys::vae_dataset_from_memory(&all, shape.as_ptr(), raw)
        })
    }

    fn create(make: impl FnOnce(*mut *mut vae_dataset) -> vae_sys::vae_status) -> Result<Dataset> {
        let mut raw = null_mut();
        ffi::call(|| make(&mut raw))?;
        let mut dataset = Dataset {
            raw,
            len: 0,
            shape: [0; 3],
            classes: 0,
        };
        let Dataset {
            len,
            shape,
            classes,
            ..
        } = &mut dataset;
        // SAFETY: a valid dataset, and three numbers for the shape.
        ffi::call(|| unsafe { vae_sys::vae_dataset_info(raw, len, shape.as_mut_ptr(), classes) })?;
        Ok(dataset)
    }

    pub(crate) fn raw(&self) -> *mut vae_dataset {
        self.raw
    }

    /// The number of images.
    #[doc(alias = "vae_dataset_info")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Always false: the library rejects empty datasets.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Channels, height and width of an image.
    #[doc(alias = "vae_dataset_info")]
    pub fn shape(&self) -> [u32; 3] {
        self.shape
    }

    /// The largest label + 1; 0 without labels.
    #[doc(alias = "vae_dataset_info")]
    pub fn classes(&self) -> u32 {
        self.classes
    }

    /// Copies of the images in `range`, as `u8` or as `f32` in \[0, 1\].
    #[doc(alias = "vae_dataset_read")]
    pub fn images<T: Pixel>(&self, range: Range<u64>) -> Result<Vec<T>> {
        self.check(&range)?;
        let count = range.end - range.start;
        let mut images = ffi::zeros(total(count, row_of(self.shape)?)?)?;
        self.read_into(range, &mut images, None)?;
        Ok(images)
    }

    /// The labels of the images in `range`.
    #[doc(alias = "vae_dataset_read")]
    pub fn labels(&self, range: Range<u64>) -> Result<Vec<i32>> {
        self.check(&range)?;
        let mut labels = ffi::zeros(total(range.end - range.start, 1)?)?;
        self.read_into(range, Output::none(), Some(&mut labels))?;
        Ok(labels)
    }

    /// Copies images, labels or both into the caller's host memory.
    #[doc(alias = "vae_dataset_read")]
    pub fn read_into<'r>(
        &self,
        range: Range<u64>,
        images: impl Into<Output<'r>>,
        labels: Option<&mut [i32]>,
    ) -> Result<()> {
        self.check(&range)?;
        let mut images = images.into().raw()?;
        let (labels, bytes) = match labels {
            Some(labels) => (labels.as_mut_ptr(), std::mem::size_of_val(labels)),
            None => (null_mut(), 0),
        };
        let (first, count) = (range.start, range.end - range.start);
        let images = address(&mut images);
        // SAFETY: borrowed for the call, with the sizes given.
        ffi::call(|| unsafe {
            vae_sys::vae_dataset_read(self.raw, first, count, images, labels, bytes as u64)
        })
    }

    /// Called before memory is allocated for the range.
    fn check(&self, range: &Range<u64>) -> Result<()> {
        if range.start < range.end && range.end <= self.len {
            return Ok(());
        }
        Err(Error::argument(format!(
            "images {}..{} were requested; the dataset has 0..{}",
            range.start, range.end, self.len
        )))
    }
}

impl Drop for Dataset {
    // C: vae_dataset_destroy
    fn drop(&mut self) {
        // SAFETY: created by the library; this is the last use.
        unsafe { vae_sys::vae_dataset_destroy(self.raw) }
    }
}
