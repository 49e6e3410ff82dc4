//! Training step by step and by epochs; saving, loading, continuing.

mod common;

use std::ops::ControlFlow;

use common::*;
use vae::{Metrics, NonFinite, Phase, Run, Save, Status, Trainer, What};

/// The metrics without the elapsed time.
fn timeless(mut metrics: Metrics) -> Metrics {
    metrics.seconds = 0.0;
    metrics
}

#[test]
fn steps_train_and_report_metrics() {
    let mut trainer = trainer();
    let images = stripes(16);
    let first = trainer.train_step(&images).unwrap();
    assert_eq!((first.steps, first.images), (1, 16));
    assert_eq!(first.kl_per_dim.len(), LATENT);
    let kl: f64 = first.kl_per_dim.iter().sum();
    assert!((kl - first.kl).abs() < 1e-4, "{kl} is not {}", first.kl);
    let last = (0..60)
        .map(|_| trainer.train_step(&images).unwrap())
        .last()
        .unwrap();
    assert!(
        last.loss < first.loss - 1.0,
        "{} after {}",
        last.loss,
        first.loss
    );
    assert_eq!(
        (trainer.step().unwrap(), trainer.updates().unwrap()),
        (61, 61)
    );
}

#[test]
fn steps_without_waiting_are_the_same_steps() {
    let (mut waits, mut runs_on) = (trainer(), trainer());
    let images = stripes(16);
    for _ in 0..3 {
        waits.train_step(&images).unwrap();
        runs_on.train_step_no_wait(&images).unwrap();
    }
    runs_on.synchronize().unwrap();
    let sums = runs_on.read_metrics().unwrap();
    assert_eq!(timeless(sums), timeless(waits.read_metrics().unwrap()));
    let file = |trainer: &Trainer| trainer.save_bytes(Save::Checkpoint).unwrap();
    assert!(file(&waits) == file(&runs_on));
    assert_eq!(runs_on.read_metrics().unwrap().steps, 0);
}

#[test]
fn settings_are_read_and_set() {
    let trainer = trainer();
    trainer.set_learning_rate(0.5).unwrap();
    trainer.set_kl_weight(2.0).unwrap();
    trainer.set_step(7).unwrap();
    trainer.set_updates(6).unwrap();
    trainer.set_epoch(5).unwrap();
    assert_eq!(trainer.learning_rate().unwrap(), 0.5);
    assert_eq!(trainer.kl_weight().unwrap(), 2.0);
    let counts = (trainer.step(), trainer.updates(), trainer.epoch());
    assert_eq!(counts, (Ok(7), Ok(6), Ok(5)));
    let config = trainer.config().unwrap();
    assert_eq!((config.learning_rate, config.kl_weight), (0.5, 2.0));
}

#[test]
fn an_epoch_reports_its_progress() {
    let mut trainer = trainer();
    let mut reports = Vec::new();
    let run = Run::new()
        .batch_size(8)
        .every_steps(2)
        .progress(|progress, _| {
            reports.push((
                progress.phase,
                progress.epoch,
                progress.step,
                progress.steps,
            ));
            ControlFlow::Continue(())
        });
    let metrics = trainer.train_epoch(&dataset(40), run).unwrap();
    assert_eq!((metrics.steps, metrics.images), (5, 40));
    let train = Phase::Train;
    assert_eq!(
        reports,
        [(train, 0, 2, 5), (train, 0, 4, 5), (train, 0, 5, 5)]
    );
    assert_eq!(trainer.epoch(), Ok(1));
}

#[test]
fn evaluating_is_repeatable_and_changes_nothing() {
    let mut trainer = trainer();
    let before = trainer.save_bytes(Save::Checkpoint).unwrap();
    let mut phases = Vec::new();
    let run = Run::new().every_steps(0).progress(|progress, _| {
        phases.push(progress.phase);
        ControlFlow::Continue(())
    });
    let first = trainer.evaluate(&dataset(40), run).unwrap();
    let second = trainer.evaluate(&dataset(40), Run::new()).unwrap();
    assert_eq!(phases, [Phase::Evaluate]);
    assert_eq!(timeless(first), timeless(second));
    let step = trainer.eval_step(&stripes(40)).unwrap();
    assert_eq!((step.images, step.gradient_norm), (40, 0.0));
    assert!(before == trainer.save_bytes(Save::Checkpoint).unwrap());
}

#[test]
fn a_stopped_epoch_continues_from_a_checkpoint_bit_for_bit() {
    let images = dataset(96);
    let mut straight = trainer();
    straight.train_epoch(&images, Run::new()).unwrap();

    let mut stopped = trainer();
    stopped
        .train_epoch(&images, Run::new().max_steps(2))
        .unwrap();
    let file = Scratch::new("resume.safetensors");
    stopped.save(&file.0, Save::Checkpoint).unwrap();
    drop(stopped);
    let mut resumed = Trainer::load_with(&file.0, &config()).unwrap();
    let rest = resumed.train_epoch(&images, Run::new()).unwrap();
    assert_eq!(rest.steps, 4);
    let bytes = |trainer: &Trainer| trainer.save_bytes(Save::Checkpoint).unwrap();
    assert!(bytes(&resumed) == bytes(&straight));
}

#[test]
fn files_and_memory_hold_the_same() {
    let trainer = trainer();
    let path = Scratch::new("model.safetensors");
    trainer.save(&path.0, Save::Model).unwrap();
    let bytes = trainer.save_bytes(Save::Model).unwrap();
    assert!(std::fs::read(&path.0).unwrap() == bytes);

    let codes = vec![0.5f32; LATENT];
    let drawn: Vec<f32> = trainer.decode(&codes).unwrap();
    let config = config().max_batch(3).seed(8);
    for loaded in [
        Trainer::load(&path.0),
        Trainer::load_bytes(&bytes),
        Trainer::load_with(&path.0, &config),
        Trainer::load_bytes_with(&bytes, &config),
    ] {
        assert_eq!(loaded.unwrap().decode::<f32>(&codes).unwrap(), drawn);
    }
    let loaded = Trainer::load_bytes_with(&bytes, &config).unwrap();
    assert_eq!(loaded.config().unwrap().max_batch, 3);
    let error = Trainer::load_bytes_with(&bytes, &config.latent(5)).unwrap_err();
    assert!(error.text().contains("latent"), "{error}");
}

#[test]
fn parameters_are_read_and_written() {
    let config = config().keep_gradients(true);
    let mut trainer = Trainer::new(&config).unwrap();
    trainer.train_step(&stripes(16)).unwrap();
    let names: Vec<&str> = trainer
        .params()
        .iter()
        .map(|param| &param.name[..])
        .collect();
    assert!(names.contains(&"encoder.0.weight") && names.contains(&"fc11.bias"));
    for param in trainer.params().iter().filter(|param| param.trainable) {
        let product: i64 = param.shape.iter().product();
        assert_eq!(product as usize, param.elements);
        for what in [What::Value, What::Gradient, What::Moment1, What::Moment2] {
            let numbers: Vec<f32> = trainer.read_param(&param.name, what).unwrap();
            assert_eq!(numbers.len(), param.elements);
        }
    }
    let squares = [0.25f32; LATENT];
    trainer
        .write_param("fc11.bias", What::Moment2, &squares)
        .unwrap();
    let mut back = [0f32; LATENT];
    trainer
        .read_param_into("fc11.bias", What::Moment2, &mut back)
        .unwrap();
    assert_eq!(back, squares);
    let counter = trainer
        .params()
        .iter()
        .find(|param| param.shape.is_empty())
        .unwrap();
    assert_eq!(
        trainer.read_param::<i64>(&counter.name, What::Value),
        Ok(vec![1])
    );
}

/// A trainer with parameters so large that the loss is not finite.
fn overflowing(nonfinite: NonFinite) -> Trainer {
    let trainer = Trainer::new(&config().nonfinite(nonfinite)).unwrap();
    trainer
        .write_param("fc12.bias", What::Value, &[1e30f32; LATENT])
        .unwrap();
    trainer
        .write_param("fc11.bias", What::Value, &[1e38f32; LATENT])
        .unwrap();
    trainer
}

#[test]
fn a_step_that_is_not_finite_changes_nothing() {
    let mut trainer = overflowing(NonFinite::Error);
    let before = trainer.read_param::<f32>("encoder.0.weight", What::Value);
    let error = trainer.train_step(&stripes(16)).unwrap_err();
    assert_eq!(error.status(), Status::NONFINITE, "{error}");
    assert!(trainer.read_param::<f32>("encoder.0.weight", What::Value) == before);

    let mut trainer = overflowing(NonFinite::Skip);
    let metrics = trainer.train_step(&stripes(16)).unwrap();
    assert_eq!((metrics.skipped_steps, metrics.nonfinite_steps), (1, 1));
    assert!(trainer.read_param::<f32>("encoder.0.weight", What::Value) == before);
}
