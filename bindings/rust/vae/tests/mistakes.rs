//! Mistakes of a host: each is an error that names it, nothing panics, and the
//! trainer is unchanged.

mod common;

use common::*;
use vae::{
    Config, Dataset, Engine, Error, Likelihood, Output, Run, Sampling, Save, Status, Trainer, What,
};

fn refused<T>(result: vae::Result<T>, status: Status, texts: &[&str]) {
    let error = result.err().expect("this should fail");
    assert_eq!(error.status(), status, "{error}");
    for text in texts {
        assert!(error.text().contains(text), "{error} does not say {text:?}");
    }
}

const ARGUMENT: Status = Status::ARGUMENT;

#[test]
fn errors_name_the_value_seen_and_those_allowed() {
    let latent = Trainer::new(&config().latent(0));
    refused(latent, ARGUMENT, &["latent is 0", "1 to 4096"]);
    let layers = Trainer::new(&config().layers([4; 9]));
    refused(layers, ARGUMENT, &["layers has 9", "at most 8"]);
    let none = config().layers([]).validate();
    refused(none, ARGUMENT, &["layers"]);
    refused(trainer().set_learning_rate(-1.0), ARGUMENT, &["-1"]);
    refused(
        trainer().set_step(u64::MAX),
        ARGUMENT,
        &["18446744073709551615"],
    );
}

#[test]
fn an_error_implements_std_error() {
    let error: Box<dyn std::error::Error + Send + Sync> =
        Trainer::new(&config().latent(0)).unwrap_err().into();
    assert!(error.to_string().ends_with("(VAE_E_ARGUMENT)"), "{error}");
    let error = error.downcast::<Error>().unwrap();
    assert_eq!(error.status().code(), 100);
    assert_eq!(format!("{:?}", error.status()), "VAE_E_ARGUMENT (100)");
}

#[test]
fn images_of_a_wrong_length() {
    let mut trainer = trainer();
    let images = stripes(2);
    let short = &images[..2 * PIXELS - 1];
    refused(
        trainer.train_step(short),
        ARGUMENT,
        &["287 numbers", "rows of 144"],
    );
    refused(trainer.encode(short), ARGUMENT, &["287"]);
    refused(
        trainer.decode::<f32>(&[0f32; 5]),
        ARGUMENT,
        &["codes", "5", "4"],
    );
    refused(trainer.train_step(&images[..0]), ARGUMENT, &["0"]);
    refused(trainer.encode(&images[..0]), ARGUMENT, &["0"]);
    refused(trainer.train_step(&stripes(17)), ARGUMENT, &["17", "16"]);
    refused(trainer.decode::<u8>(&[1u8; 4]), ARGUMENT, &["uint8"]);
    assert!(trainer.train_step(&images).is_ok());
}

#[test]
fn pixels_out_of_range() {
    let mut trainer = trainer();
    let before = trainer.save_bytes(Save::Checkpoint).unwrap();
    let mut images = floats(&stripes(4));
    for wrong in [f32::NAN, f32::INFINITY, 1.5, -0.1] {
        images[3 * PIXELS + 5] = wrong;
        refused(trainer.train_step(&images), ARGUMENT, &["3"]);
        refused(trainer.score(&images), ARGUMENT, &["3"]);
    }
    refused(trainer.decode::<f32>(&[f32::NAN; 4]), ARGUMENT, &[]);
    assert!(before == trainer.save_bytes(Save::Checkpoint).unwrap());
}

#[test]
fn a_buffer_that_is_too_small_is_not_written_to() {
    let trainer = trainer();
    let mut buffer = [7f32; 3 * LATENT];
    let result = trainer.encode_into(&stripes(4), &mut buffer, Output::none());
    refused(result, Status::TOO_SMALL, &["48", "64"]);
    assert_eq!(buffer, [7f32; 3 * LATENT]);
    let result = trainer.encode_into(&stripes(2), Output::none(), &mut [0u8; 64]);
    refused(result, ARGUMENT, &["uint8"]);
}

#[test]
fn counts_beyond_all_memory() {
    let trainer = trainer();
    for count in [u64::MAX, u64::MAX / 144, 1 << 40, 1 << 50] {
        assert!(trainer.sample::<f32>(&Sampling::new(count)).is_err());
    }
    assert!(trainer.sample::<f32>(&Sampling::new(0)).is_err());
    assert!(trainer
        .sample::<u8>(&Sampling::new(1).temperature(f64::NAN))
        .is_err());
    let side = u32::MAX;
    let huge = Dataset::from_memory(&[0u8; 4], None, [side, side, side]);
    refused(huge, ARGUMENT, &["4294967295"]);
    let nothing = Dataset::from_memory(&[0u8; 4], None, [0, 2, 2]);
    refused(nothing, ARGUMENT, &["0"]);
}

#[test]
fn datasets_of_a_wrong_shape_or_size() {
    let images = stripes(4);
    let labels = Dataset::from_memory(&images, Some(&[1, 2, 3]), SHAPE);
    refused(labels, ARGUMENT, &["3", "4 images"]);
    let negative = Dataset::from_memory(&images, Some(&[0, 1, -2, 3]), SHAPE);
    refused(negative, ARGUMENT, &["-2"]);
    let set = dataset(4);
    refused(set.images::<u8>(3..5), ARGUMENT, &["3..5", "0..4"]);
    refused(set.images::<u8>(2..2), ARGUMENT, &["2..2"]);
    let backwards = std::ops::Range { start: 3, end: 1 };
    refused(set.images::<u8>(backwards), ARGUMENT, &["3..1"]);
    refused(set.images::<u8>(0..u64::MAX), ARGUMENT, &["0..4"]);
    refused(set.labels(0..4), ARGUMENT, &["label"]);
    let mut few = [0u8; 5];
    refused(
        set.read_into(0..1, &mut few, None),
        Status::TOO_SMALL,
        &["5"],
    );

    let other = Dataset::from_memory(&[0u8; 4 * 64], None, [1, 8, 8]).unwrap();
    refused(trainer().train_epoch(&other, Run::new()), ARGUMENT, &["8"]);
    let run = Run::new().batch_size(17);
    refused(trainer().train_epoch(&set, run), ARGUMENT, &["17"]);
}

#[test]
fn paths_and_names() {
    let trainer = trainer();
    refused(Trainer::load("no\0where"), ARGUMENT, &["path", "index 2"]);
    refused(trainer.save("", Save::Model), Status::FILE, &[]);
    refused(
        Trainer::load("/no/such/file"),
        Status::FILE,
        &["/no/such/file"],
    );
    refused(
        Dataset::open("/no/such/folder"),
        Status::FILE,
        &["/no/such"],
    );
    refused(
        vae::write_grid("a\0b", &[0u8; 4], [1, 2, 2], 1),
        ARGUMENT,
        &[],
    );
    refused(
        vae::write_array("/no/such/x.npy", &[0u8; 4], &[2, 2]),
        Status::FILE,
        &["/no/such/x.npy"],
    );
    refused(
        vae::write_array("x.npy", &[0u8; 4], &[2, 3]),
        ARGUMENT,
        &["bytes is 4", "(2, 3) has 6"],
    );
    refused(
        vae::write_array("x.npy", &[0u8; 4], &[]),
        ARGUMENT,
        &["0 dimensions"],
    );
    refused(
        vae::write_array::<u8>("x.npy", &[], &[0]),
        ARGUMENT,
        &["shape[0] is 0"],
    );
    refused(Config::from_file("/no/such.json"), Status::FILE, &[]);
    refused(Trainer::load_bytes(b""), Status::FORMAT, &[]);
    refused(
        Trainer::load_bytes(b"not a file of ours"),
        Status::FORMAT,
        &[],
    );

    use std::os::unix::ffi::OsStrExt;
    let latin1 = std::ffi::OsStr::from_bytes(b"caf\xe9");
    refused(trainer.save(latin1, Save::Model), ARGUMENT, &["UTF-8"]);
}

#[test]
fn parameters_of_a_wrong_name_type_or_size() {
    let trainer = trainer();
    let value = What::Value;
    let missing = trainer.read_param::<f32>("encoder.99.weight", value);
    refused(missing, ARGUMENT, &["encoder.99.weight"]);
    refused(
        trainer.read_param::<f32>("a\0b", value),
        ARGUMENT,
        &["name"],
    );
    refused(
        trainer.read_param::<i64>("fc11.bias", value),
        ARGUMENT,
        &["Float32", "Int64"],
    );
    refused(
        trainer.write_param("fc11.bias", value, &[0f32; 3]),
        ARGUMENT,
        &[],
    );
    refused(
        trainer.write_param("fc11.bias", value, &[f32::NAN; 4]),
        ARGUMENT,
        &[],
    );
    refused(
        trainer.write_param("fc11.bias", What::Gradient, &[0f32; 4]),
        ARGUMENT,
        &[],
    );
    refused(
        trainer.write_param("fc11.bias", What::Moment2, &[-1f32; 4]),
        ARGUMENT,
        &[],
    );
    let mut small = [0f32; 3];
    let result = trainer.read_param_into("fc11.bias", value, &mut small);
    refused(result, Status::TOO_SMALL, &["12", "16"]);
    let gradient = trainer.read_param::<f32>("fc11.bias", What::Gradient);
    refused(gradient, Status::UNSUPPORTED, &["keep_gradients"]);
}

#[test]
fn numbers_of_a_newer_library_are_errors() {
    refused(
        Likelihood::try_from(99),
        Status::UNSUPPORTED,
        &["likelihood is 99"],
    );
    refused(Engine::try_from(0), Status::UNSUPPORTED, &["engine is 0"]);
    assert_eq!(
        Engine::try_from(i32::from(Engine::Fused)),
        Ok(Engine::Fused)
    );
}
