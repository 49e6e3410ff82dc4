//! Tensors of the model by their PyTorch names.

use std::ffi::CStr;
use std::mem::size_of_val;
use std::os::raw::c_void;

use vae_sys::{vae_param, vae_trainer};

use crate::choices::{ElementType, What};
use crate::error::{Error, Result};
use crate::ffi;
use crate::model::Model;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i64 {}
}

/// Element type of a tensor: `f32`, or `i64` for counters.
pub trait Number: sealed::Sealed + Copy + Default + 'static {
    /// The corresponding value of [`ElementType`].
    const TYPE: ElementType;
}

impl Number for f32 {
    const TYPE: ElementType = ElementType::Float32;
}

impl Number for i64 {
    const TYPE: ElementType = ElementType::Int64;
}

/// One tensor of the model, with the name and shape of the PyTorch module's.
#[doc(alias = "vae_param_init")]
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// "encoder.0.weight", "fc11.bias", ...
    pub name: String,
    /// [`ElementType::Float32`], or [`ElementType::Int64`] for a counter.
    pub element: ElementType,
    /// False for BatchNorm's statistics and counters.
    pub trainable: bool,
    /// As in PyTorch; empty for a scalar.
    pub shape: Vec<i64>,
    /// Product of the shape; 1 for a scalar.
    pub elements: usize,
}

impl Param {
    fn read(trainer: *mut vae_trainer, index: u32) -> Result<Param> {
        let mut raw: vae_param = ffi::initialised(vae_sys::vae_param_init)?;
        // SAFETY: a valid trainer and an initialised struct.
        ffi::call(|| unsafe { vae_sys::vae_param_info(trainer, index, &mut raw) })?;
        let end = raw.name.len() - 1;
        raw.name[end] = 0;
        // SAFETY: the last byte was set to zero above.
        let name = unsafe { CStr::from_ptr(raw.name.as_ptr()) };
        let rank = (raw.rank as usize).min(raw.shape.len());
        Ok(Param {
            name: name.to_string_lossy().into_owned(),
            element: raw.dtype.try_into()?,
            trainable: raw.trainable != 0,
            shape: raw.shape[..rank].to_vec(),
            elements: ffi::size(raw.elements, "numbers")?,
        })
    }

    pub(crate) fn read_all(trainer: *mut vae_trainer) -> Result<Vec<Param>> {
        let mut count = 0;
        // SAFETY: a valid trainer.
        ffi::call(|| unsafe { vae_sys::vae_param_count(trainer, &mut count) })?;
        (0..count)
            .map(|index| Param::read(trainer, index))
            .collect()
    }
}

/// Parameters by name.
impl Model {
    /// Every tensor of the model, in the order of the PyTorch module's
    /// `state_dict`.
    #[doc(alias = "vae_param_count")]
    #[doc(alias = "vae_param_info")]
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The elements of a tensor in PyTorch's order: `f32`, or `i64` for a
    /// counter. Only trainable tensors have gradients and moments.
    ///
    /// [`Status::UNSUPPORTED`](crate::Status::UNSUPPORTED) for a gradient
    /// without `keep_gradients`.
    ///
    /// ```
    /// # use vae::{Config, Trainer, What};
    /// # fn main() -> Result<(), vae::Error> {
    /// # let config = Config::default().size(1, 8, 8).layers([4, 4]).threads(1);
    /// # let trainer = Trainer::new(&config)?;
    /// let bias: Vec<f32> = trainer.read_param("fc11.bias", What::Value)?;
    /// trainer.write_param("fc11.bias", What::Value, &vec![0.5f32; bias.len()])?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "vae_param_read")]
    pub fn read_param<T: Number>(&self, name: &str, what: What) -> Result<Vec<T>> {
        let elements = self.param(name).map_or(0, |param| param.elements);
        let mut numbers = ffi::zeros(elements)?;
        self.read_param_into(name, what, &mut numbers)?;
        Ok(numbers)
    }

    /// The same into the caller's slice, which must be large enough.
    #[doc(alias = "vae_param_read")]
    pub fn read_param_into<T: Number>(
        &self,
        name: &str,
        what: What,
        numbers: &mut [T],
    ) -> Result<()> {
        self.check_type::<T>(name)?;
        let c_name = ffi::c_text(name, "name")?;
        let bytes = size_of_val(numbers) as u64;
        let data: *mut c_void = numbers.as_mut_ptr().cast();
        // SAFETY: `data` has `bytes` bytes and the tensor's type.
        ffi::call(|| unsafe {
            vae_sys::vae_param_read(self.raw(), c_name.as_ptr(), what.into(), data, bytes)
        })
    }

    /// Replaces a tensor's value or moments, in PyTorch's order. `numbers` has
    /// exactly as many elements as the tensor, all finite; squares and running
    /// variances must not be negative.
    #[doc(alias = "vae_param_write")]
    pub fn write_param<T: Number>(&self, name: &str, what: What, numbers: &[T]) -> Result<()> {
        self.check_type::<T>(name)?;
        let c_name = ffi::c_text(name, "name")?;
        let bytes = size_of_val(numbers) as u64;
        let data: *const c_void = numbers.as_ptr().cast();
        // SAFETY: `data` has `bytes` bytes and the tensor's type.
        ffi::call(|| unsafe {
            vae_sys::vae_param_write(self.raw(), c_name.as_ptr(), what.into(), data, bytes)
        })
    }

    fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// The library receives untyped bytes, so the type is checked here. For an
    /// unknown tensor it fails itself.
    fn check_type<T: Number>(&self, name: &str) -> Result<()> {
        match self.param(name) {
            Some(param) if param.element != T::TYPE => Err(Error::argument(format!(
                "{name} has the type {:?}, not {:?}",
                param.element,
                T::TYPE
            ))),
            _ => Ok(()),
        }
    }
}
