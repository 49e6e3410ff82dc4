//! The calls that are allowed at any time, also inside a progress closure:
//! inference, parameters and settings. Training is in `trainer`.

use std::path::Path;

use vae_sys::{vae_sampling, vae_trainer};

use crate::choices::Save;
use crate::config::Config;
use crate::error::Result;
use crate::ffi;
use crate::params::Param;
use crate::rows::{address, row_of, total, Batch, Output, Pixel};

/// Result of [`Model::encode`]: q(z|x) of each image, `[count][latent]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    /// Means: the codes to decode.
    pub mean: Vec<f32>,
    /// Log-variances.
    pub logvar: Vec<f32>,
}

/// Result of [`Model::score`]: one number per image, in nats.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// -log p(x|z).
    pub reconstruction: Vec<f32>,
    /// KL(q(z|x) || N(0, I)).
    pub kl: Vec<f32>,
}

/// Selects the codes that [`Model::sample`] draws.
///
/// Each seed has an infinite sequence of images. Image i of a call is image
/// `first` + i of the sequence, so drawing it in parts gives the same images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    count: u64,
    seed: u64,
    first: u64,
    temperature: f64,
}

impl Sampling {
    /// The first `count` images of the sequence of seed 0.
    #[doc(alias = "vae_sampling_init")]
    pub fn new(count: u64) -> Self {
        Sampling {
            count,
            seed: 0,
            first: 0,
            temperature: 1.0,
        }
    }

    /// Seed of the sequence, independent of the trainer's; default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Index of the first image in the sequence; default 0. `first` + count is at
    /// most 2^32.
    #[must_use]
    pub fn first(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    /// Factor of z ~ N(0, I), 0 to 1e30; default 1.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = temperature;
        self
    }

    fn raw(&self) -> Result<vae_sampling> {
        let mut raw: vae_sampling = ffi::initialised(vae_sys::vae_sampling_init)?;
        raw.count = self.count;
        raw.seed = self.seed;
        raw.first = self.first;
        raw.temperature = self.temperature;
        Ok(raw)
    }
}

/// The part of a [`Trainer`](crate::Trainer) that does not train.
///
/// A trainer derefs to it, and a progress closure receives it during a run. Its
/// calls take `&self`, like those of a `Cell`: it is not `Sync`. Only `set_*` and
/// `write_param` affect later training steps.
#[derive(Debug)]
pub struct Model {
    raw: *mut vae_trainer,
    shape: [u32; 3],
    row: usize,
    latent: usize,
    pub(crate) params: Vec<Param>,
}

impl Model {
    /// A model without its shapes and names; see `load_info`.
    pub(crate) fn new(raw: *mut vae_trainer) -> Self {
        Model {
            raw,
            shape: [0; 3],
            row: 0,
            latent: 0,
            params: Vec::new(),
        }
    }

    /// Reads shapes and names, which never change.
    pub(crate) fn load_info(&mut self) -> Result<()> {
        let config = self.config()?;
        self.shape = [config.channels, config.height, config.width];
        self.row = row_of(self.shape)?;
        self.latent = config.latent as usize;
        self.params = Param::read_all(self.raw)?;
        Ok(())
    }

    pub(crate) fn raw(&self) -> *mut vae_trainer {
        self.raw
    }

    pub(crate) fn row(&self) -> usize {
        self.row
    }

    /// Channels, height and width of an image.
    pub fn shape(&self) -> [u32; 3] {
        self.shape
    }

    /// Length of a latent code.
    pub fn latent(&self) -> usize {
        self.latent
    }

    /// The configuration in use: device and threads resolved, learning rate and
    /// KL weight as last set.
    #[doc(alias = "vae_get_config")]
    pub fn config(&self) -> Result<Config> {
        // SAFETY: a valid trainer and an initialised struct.
        Config::filled(|raw| unsafe { vae_sys::vae_get_config(self.raw, raw) })
    }

    /// Mean and log-variance of q(z|x) for any number of images.
    #[doc(alias = "vae_encode")]
    pub fn encode<'a>(&self, images: impl Into<Batch<'a>>) -> Result<Encoding> {
        let images = images.into();
        let count = images.raw(self.row, "images")?.count;
        let mut mean = ffi::zeros(total(count, self.latent)?)?;
        let mut logvar = mean.clone();
        self.encode_into(images, &mut mean, &mut logvar)?;
        Ok(Encoding { mean, logvar })
    }

    /// The same into the caller's buffers, `f32`, `[count][latent]` each; one of
    /// them may be [`Output::none`].
    #[doc(alias = "vae_encode")]
    pub fn encode_into<'a, 'm, 'l>(
        &self,
        images: impl Into<Batch<'a>>,
        mean: impl Into<Output<'m>>,
        logvar: impl Into<Output<'l>>,
    ) -> Result<()> {
        let images = images.into().raw(self.row, "images")?;
        let mut mean = mean.into().raw()?;
        let mut logvar = logvar.into().raw()?;
        // SAFETY: a valid trainer; the views are borrowed for the call.
        ffi::call(|| unsafe {
            vae_sys::vae_encode(self.raw, &images, address(&mut mean), address(&mut logvar))
        })
    }

    /// Decodes codes `[count][latent]` to images: probabilities (Bernoulli) or
    /// means (Gaussian), as `f32` or, rounded to 0 to 255, as `u8`.
    #[doc(alias = "vae_decode")]
    pub fn decode<'a, T: Pixel>(&self, codes: impl Into<Batch<'a>>) -> Result<Vec<T>> {
        let codes = codes.into();
        let count = codes.raw(self.latent, "codes")?.count;
        let mut images = ffi::zeros(total(count, self.row)?)?;
        self.decode_into(codes, &mut images)?;
        Ok(images)
    }

    /// The same into the caller's buffer.
    #[doc(alias = "vae_decode")]
    pub fn decode_into<'a, 'r>(
        &self,
        codes: impl Into<Batch<'a>>,
        images: impl Into<Output<'r>>,
    ) -> Result<()> {
        let codes = codes.into().raw(self.latent, "codes")?;
        let mut images = images.into().raw()?;
        // SAFETY: a valid trainer; the views are borrowed for the call.
        ffi::call(|| unsafe { vae_sys::vae_decode(self.raw, &codes, address(&mut images)) })
    }

    /// Draws codes from the prior and decodes them.
    ///
    /// ```
    /// # use vae::{Config, Sampling, Trainer};
    /// # fn main() -> Result<(), vae::Error> {
    /// # let config = Config::default().size(1, 8, 8).layers([4, 4]).threads(1);
    /// # let trainer = Trainer::new(&config)?;
    /// let nine: Vec<u8> = trainer.sample(&Sampling::new(9).seed(3))?;
    /// let last: Vec<u8> = trainer.sample(&Sampling::new(1).seed(3).first(8))?;
    /// assert_eq!(nine[8 * 64..], last);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "vae_sample")]
    pub fn sample<T: Pixel>(&self, sampling: &Sampling) -> Result<Vec<T>> {
        let mut images = ffi::zeros(total(sampling.count, self.row)?)?;
        self.sample_into(sampling, &mut images)?;
        Ok(images)
    }

    /// The same into the caller's buffer.
    #[doc(alias = "vae_sample")]
    pub fn sample_into<'r>(
        &self,
        sampling: &Sampling,
        images: impl Into<Output<'r>>,
    ) -> Result<()> {
        let sampling = sampling.raw()?;
        let mut images = images.into().raw()?;
        // SAFETY: a valid trainer; the views are borrowed for the call.
        ffi::call(|| unsafe { vae_sys::vae_sample(self.raw, &sampling, address(&mut images)) })
    }

    /// Encodes images and decodes the means.
    #[doc(alias = "vae_reconstruct")]
    pub fn reconstruct<'a, T: Pixel>(&self, images: impl Into<Batch<'a>>) -> Result<Vec<T>> {
        let images = images.into();
        let count = images.raw(self.row, "images")?.count;
        let mut output = ffi::zeros(total(count, self.row)?)?;
        self.reconstruct_into(images, &mut output)?;
        Ok(output)
    }

    /// The same into the caller's buffer.
    #[doc(alias = "vae_reconstruct")]
    pub fn reconstruct_into<'a, 'r>(
        &self,
        images: impl Into<Batch<'a>>,
        output: impl Into<Output<'r>>,
    ) -> Result<()> {
        let images = images.into().raw(self.row, "images")?;
        let mut output = output.into().raw()?;
        // SAFETY: a valid trainer; the views are borrowed for the call.
        ffi::call(|| unsafe { vae_sys::vae_reconstruct(self.raw, &images, address(&mut output)) })
    }

    /// -log p(x|z) and KL(q(z|x) || N(0, I)) of each image. The noise depends on
    /// the row index alone, so a call is repeatable.
    #[doc(alias = "vae_score")]
    pub fn score<'a>(&self, images: impl Into<Batch<'a>>) -> Result<Scores> {
        let images = images.into();
        let count = images.raw(self.row, "images")?.count;
        let mut reconstruction = ffi::zeros(total(count, 1)?)?;
        let mut kl = reconstruction.clone();
        self.score_into(images, &mut reconstruction, &mut kl)?;
        Ok(Scores { reconstruction, kl })
    }

    /// The same into the caller's buffers, `f32`, `[count]` each; one of them may
    /// be [`Output::none`].
    #[doc(alias = "vae_score")]
    pub fn score_into<'a, 'p, 'k>(
        &self,
        images: impl Into<Batch<'a>>,
        reconstruction: impl Into<Output<'p>>,
        kl: impl Into<Output<'k>>,
    ) -> Result<()> {
        let images = images.into().raw(self.row, "images")?;
        let mut reconstruction = reconstruction.into().raw()?;
        let mut kl = kl.into().raw()?;
        let (first, second) = (address(&mut reconstruction), address(&mut kl));
        // SAFETY: a valid trainer; the views are borrowed for the call.
        ffi::call(|| unsafe { vae_sys::vae_score(self.raw, &images, first, second) })
    }

    /// Writes a model or a checkpoint. An existing file is replaced; a failed
    /// call does not change it. Waits for the device.
    #[doc(alias = "vae_save")]
    pub fn save(&self, path: impl AsRef<Path>, what: Save) -> Result<()> {
        let path = ffi::c_path(path.as_ref())?;
        // SAFETY: a valid trainer and a zero-terminated path.
        ffi::call(|| unsafe { vae_sys::vae_save(self.raw, path.as_ptr(), what.into()) })
    }

    /// The bytes of such a file.
    #[doc(alias = "vae_save_memory")]
    pub fn save_bytes(&self, what: Save) -> Result<Vec<u8>> {
        // SAFETY: a valid trainer; `data` has `capacity` bytes.
        ffi::bytes(|data, capacity, needed| unsafe {
            vae_sys::vae_save_memory(self.raw, what.into(), data.cast(), capacity, needed)
        })
    }

    /// Waits until all issued work is done; reports late failures.
    #[doc(alias = "vae_synchronize")]
    pub fn synchronize(&self) -> Result<()> {
        // SAFETY: a valid trainer.
        ffi::call(|| unsafe { vae_sys::vae_synchronize(self.raw) })
    }

    /// JSON: the device and engine, and why they were chosen.
    #[doc(alias = "vae_diagnose")]
    pub fn diagnose(&self) -> Result<String> {
        // SAFETY: a valid trainer; `text` has `capacity` bytes.
        ffi::text(|text, capacity, needed| unsafe {
            vae_sys::vae_diagnose(self.raw, text, capacity, needed)
        })
    }
}
