//! Images that are read once and stay, for whole epochs.

use std::ops::Range;
use std::path::Path;
use std::ptr::{null, null_mut};

use vae_sys::vae_dataset;

use crate::error::{Error, Result};
use crate::ffi;
use crate::rows::{address, row_of, total, Batch, Pixel, Room};

/// Images, and labels if there are any, in memory. Immutable: any number of
/// threads may use one at once, and a trainer that still uses the images keeps
/// them when it is dropped.
#[derive(Debug)]
pub struct Dataset {
    raw: *mut vae_dataset,
    len: u64,
    shape: [u32; 3],
    classes: u32,
}

// SAFETY: "A dataset is immutable: any number of threads may use one at once"
// (vae.h, rule 4); it belongs to no thread.
unsafe impl Send for Dataset {}
unsafe impl Sync for Dataset {}

impl Dataset {
    /// Opens images by what `path` is: a folder with MNIST's file names, gzipped
    /// or not (its training set, or with "/train" or "/test" appended that set);
    /// one IDX file; a folder of PNG files, whose subfolders, sorted, are the
    /// labels 0, 1, ...; a folder that holds `train` and `test`.
    #[doc(alias = "vae_dataset_open")]
    pub fn open(path: impl AsRef<Path>) -> Result<Dataset> {
        let path = ffi::c_path(path.as_ref())?;
        // SAFETY: a zero-terminated path; no labels.
        Dataset::made(|raw| unsafe { vae_sys::vae_dataset_open(path.as_ptr(), null(), raw) })
    }

    /// Opens one IDX file and the IDX file of its labels.
    #[doc(alias = "vae_dataset_open")]
    pub fn open_labelled(path: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Dataset> {
        let path = ffi::c_path(path.as_ref())?;
        let labels = ffi::c_path(labels.as_ref())?;
        // SAFETY: zero-terminated paths.
        Dataset::made(|raw| unsafe {
            vae_sys::vae_dataset_open(path.as_ptr(), labels.as_ptr(), raw)
        })
    }

    /// Copies images of `shape` (channels, height, width) from host memory, kept
    /// as `u8` or `f32` as they are, and a label >= 0 for each.
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
        // SAFETY: views of what is borrowed for this call, a label per image.
        Dataset::made(|raw| unsafe { vae_sys::vae_dataset_from_memory(&all, shape.as_ptr(), raw) })
    }

    fn made(make: impl FnOnce(*mut *mut vae_dataset) -> vae_sys::vae_status) -> Result<Dataset> {
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
        // SAFETY: the dataset just made, and room for three numbers.
        ffi::call(|| unsafe { vae_sys::vae_dataset_info(raw, len, shape.as_mut_ptr(), classes) })?;
        Ok(dataset)
    }

    pub(crate) fn raw(&self) -> *mut vae_dataset {
        self.raw
    }

    /// How many images.
    #[doc(alias = "vae_dataset_info")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none; the library makes no such dataset.
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
        self.read_into(range, Room::none(), Some(&mut labels))?;
        Ok(labels)
    }

    /// Images, labels or both into the caller's buffer, in host memory.
    #[doc(alias = "vae_dataset_read")]
    pub fn read_into<'r>(
        &self,
        range: Range<u64>,
        images: impl Into<Room<'r>>,
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
        // SAFETY: views of what is borrowed for this call, with their sizes.
        ffi::call(|| unsafe {
            vae_sys::vae_dataset_read(self.raw, first, count, images, labels, bytes as u64)
        })
    }

    /// Before memory is taken for them.
    fn check(&self, range: &Range<u64>) -> Result<()> {
        if range.start < range.end && range.end <= self.len {
            return Ok(());
        }
        Err(Error::argument(format!(
            "images {}..{} are asked for; there are 0..{}",
            range.start, range.end, self.len
        )))
    }
}

impl Drop for Dataset {
    // C: vae_dataset_destroy
    fn drop(&mut self) {
        // SAFETY: made by the library, used by nobody any more.
        unsafe { vae_sys::vae_dataset_destroy(self.raw) }
    }
}
