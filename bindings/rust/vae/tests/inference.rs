//! Encoding, decoding, sampling, scoring, datasets and pictures.

mod common;

use common::*;
use vae::{Batch, Config, Dataset, Output, Sampling, Status, Trainer};

#[test]
fn vectors_and_the_callers_slices_receive_the_same() {
    let trainer = trainer();
    let images = stripes(5);
    let codes = trainer.encode(&images).unwrap();
    let (mut mean, mut logvar) = ([0f32; 5 * LATENT], vec![0f32; 5 * LATENT]);
    trainer
        .encode_into(&images, &mut mean, &mut logvar)
        .unwrap();
    assert_eq!((&mean[..], &logvar), (&codes.mean[..], &codes.logvar));

    let mut drawn = vec![0f32; 5 * PIXELS];
    trainer.decode_into(&mean, &mut drawn).unwrap();
    assert_eq!(trainer.decode::<f32>(&codes.mean).unwrap(), drawn);
    assert_eq!(trainer.reconstruct::<f32>(&images).unwrap(), drawn);
    let mut again = vec![0f32; 5 * PIXELS];
    trainer
        .reconstruct_into(&floats(&images), &mut again)
        .unwrap();
    assert_eq!(again, drawn);

    let scores = trainer.score(&images).unwrap();
    let mut kl = [0f32; 5];
    trainer
        .score_into(&images, Output::none(), &mut kl)
        .unwrap();
    assert_eq!(scores.kl, kl);
    assert_eq!(scores.reconstruction.len(), 5);

    let sampling = Sampling::new(3).seed(9).temperature(0.5);
    let mut sampled = vec![0u8; 3 * PIXELS];
    trainer.sample_into(&sampling, &mut sampled).unwrap();
    assert_eq!(trainer.sample::<u8>(&sampling).unwrap(), sampled);
}

#[test]
fn one_of_two_results_is_enough_and_none_is_an_error() {
    let trainer = trainer();
    let images = stripes(2);
    let codes = trainer.encode(&images).unwrap();
    let mut buffer = [0f32; 2 * LATENT];
    trainer
        .encode_into(&images, &mut buffer, Output::none())
        .unwrap();
    assert_eq!(codes.mean, buffer);
    trainer
        .encode_into(&images, Output::none(), &mut buffer)
        .unwrap();
    assert_eq!(codes.logvar, buffer);
    let error = trainer.encode_into(&images, Output::none(), Output::none());
    assert_eq!(error.unwrap_err().status(), Status::ARGUMENT);
}

#[test]
fn bytes_and_floats_are_the_same_images() {
    let trainer = trainer();
    let images = stripes(3);
    let from_floats = trainer.encode(&floats(&images)).unwrap();
    assert_eq!(trainer.encode(&images).unwrap(), from_floats);
    let sampling = Sampling::new(2);
    let fine: Vec<f32> = trainer.sample(&sampling).unwrap();
    let coarse: Vec<u8> = trainer.sample(&sampling).unwrap();
    for (fine, coarse) in fine.iter().zip(coarse) {
        assert!((fine * 255.0 - f32::from(coarse)).abs() <= 0.5001);
    }
}

#[test]
fn interleaved_colours_are_the_same_images() {
    let config = Config::default().size(3, 8, 8).layers([4, 4]).threads(1);
    let trainer = Trainer::new(&config).unwrap();
    let chw: Vec<u8> = (0..2 * 3 * 64).map(|i| (i * 5 % 256) as u8).collect();
    let mut hwc = vec![0u8; chw.len()];
    for (i, &pixel) in chw.iter().enumerate() {
        let (image, channel, place) = (i / 192, i / 64 % 3, i % 64);
        hwc[image * 192 + place * 3 + channel] = pixel;
    }
    let codes = trainer.encode(Batch::from(&hwc).hwc()).unwrap();
    assert_eq!(codes, trainer.encode(&chw).unwrap());

    let planes: Vec<u8> = trainer.decode(&codes.mean).unwrap();
    let mut interleaved = vec![0u8; chw.len()];
    let output = Output::from(&mut interleaved).hwc();
    trainer.decode_into(&codes.mean, output).unwrap();
    for (i, &pixel) in planes.iter().enumerate() {
        let (image, channel, place) = (i / 192, i / 64 % 3, i % 64);
        assert_eq!(interleaved[image * 192 + place * 3 + channel], pixel);
    }
}

#[test]
fn inference_takes_more_than_a_training_batch() {
    let trainer = trainer();
    let codes = trainer.encode(&stripes(40)).unwrap();
    assert_eq!(codes.mean.len(), 40 * LATENT);
}

#[test]
fn a_dataset_returns_its_images_and_labels() {
    let images = stripes(6);
    let labels = [3, 1, 4, 1, 5, 0];
    let dataset = Dataset::from_memory(&images, Some(&labels), SHAPE).unwrap();
    assert_eq!((dataset.len(), dataset.classes()), (6, 6));
    assert_eq!((dataset.shape(), dataset.is_empty()), (SHAPE, false));
    assert_eq!(
        dataset.images::<u8>(1..3).unwrap(),
        images[PIXELS..3 * PIXELS]
    );
    assert_eq!(dataset.images::<f32>(0..6).unwrap(), floats(&images));
    assert_eq!(dataset.labels(2..5).unwrap(), labels[2..5]);
    let mut two = [0; 2];
    let mut pixels = vec![0u8; 2 * PIXELS];
    dataset
        .read_into(4..6, &mut pixels, Some(&mut two))
        .unwrap();
    assert_eq!(
        (&two[..], &pixels[..]),
        (&labels[4..], &images[4 * PIXELS..])
    );
}

#[test]
fn a_dataset_opens_idx_files() {
    let (images, labels) = (Scratch::new("images-idx3"), Scratch::new("labels-idx1"));
    let head = |numbers: &[u32]| -> Vec<u8> {
        numbers
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect()
    };
    let side = SIDE as u32;
    std::fs::write(
        &images.0,
        [head(&[2051, 4, side, side]), stripes(4)].concat(),
    )
    .unwrap();
    std::fs::write(&labels.0, [head(&[2049, 4]), vec![0, 2, 1, 2]].concat()).unwrap();
    let dataset = Dataset::open_labelled(&images.0, &labels.0).unwrap();
    assert_eq!(
        (dataset.len(), dataset.shape(), dataset.classes()),
        (4, SHAPE, 3)
    );
    assert_eq!(dataset.images::<u8>(0..4).unwrap(), stripes(4));
    assert_eq!(Dataset::open(&images.0).unwrap().classes(), 0);
}

#[test]
fn a_grid_is_a_png_file() {
    let path = Scratch::new("grid.png");
    vae::write_grid(&path.0, &stripes(6), SHAPE, 3).unwrap();
    assert!(std::fs::read(&path.0).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn an_array_is_a_npy_file() {
    let path = Scratch::new("codes.npy");
    vae::write_array(&path.0, &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]).unwrap();
    let file = std::fs::read(&path.0).unwrap();
    assert!(file.starts_with(b"\x93NUMPY\x01\x00"));
    assert_eq!(file.len(), 128 + 24);
    assert_eq!(file[148..], 6.0f32.to_le_bytes());
    vae::write_array(&path.0, &[7u8], &[1]).unwrap();
    vae::write_array(&path.0, &[7i64], &[1]).unwrap();
    assert_eq!(std::fs::read(&path.0).unwrap().len(), 128 + 8);
}

#[test]
fn version_and_build_info() {
    assert_eq!(vae::version().split('.').count(), 3);
    assert_eq!(vae::abi_version(), 1);
    assert!(vae::build_info().unwrap().contains(vae::version()));
    assert!(vae::diagnose().unwrap().starts_with('{'));
    assert!(trainer().diagnose().unwrap().starts_with('{'));
}
