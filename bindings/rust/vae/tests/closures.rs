//! Progress closures: which calls they may make, how they end a run, and that
//! their panics are caught.

mod common;

use std::ops::ControlFlow;
use std::panic::panic_any;

use common::*;
use vae::{Output, Progress, Run, Sampling, Save, Status, What};

#[test]
fn a_closure_may_use_the_model() {
    let mut trainer = trainer();
    let images = stripes(3);
    let mut calls = 0;
    let run = Run::new().every_steps(2).progress(|_, model| {
        let mut all = || -> vae::Result<()> {
            let codes = model.encode(&images)?;
            model.decode::<u8>(&codes.mean)?;
            model.sample::<f32>(&Sampling::new(2))?;
            model.reconstruct::<u8>(&images)?;
            model.score_into(&images, &mut [0f32; 3], Output::none())?;
            model.save_bytes(Save::Checkpoint)?;
            model.set_learning_rate(model.learning_rate()? / 2.0)?;
            let bias = model.read_param::<f32>("fc11.bias", What::Value)?;
            model.write_param("fc11.bias", What::Value, &bias)?;
            model.synchronize()?;
            model.config()?;
            model.diagnose()?;
            calls += 1;
            Ok(())
        };
        all().unwrap();
        ControlFlow::Continue(())
    });
    trainer.train_epoch(&dataset(96), run).unwrap();
    assert_eq!(calls, 3);
    assert_eq!(trainer.learning_rate(), Ok(0.001 / 8.0));
}

#[test]
fn a_closure_may_use_another_trainer() {
    let (mut trainer, mut other) = (trainer(), trainer());
    let mut losses = Vec::new();
    let run = Run::new().every_steps(3).progress(|_, _| {
        losses.push(other.train_step(&stripes(16)).unwrap().loss);
        ControlFlow::Continue(())
    });
    trainer.train_epoch(&dataset(96), run).unwrap();
    assert_eq!(losses.len(), 2);
    assert_eq!(other.step(), Ok(2));
}

#[test]
fn breaking_ends_the_run_and_the_next_continues() {
    let mut trainer = trainer();
    let images = dataset(96);
    let run = Run::new()
        .every_steps(1)
        .progress(|progress: &Progress, _| match progress.step {
            2 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
    let error = trainer.train_epoch(&images, run).unwrap_err();
    assert_eq!(error.status(), Status::CANCELLED);
    assert_eq!(trainer.read_metrics().unwrap().steps, 2);
    assert_eq!(trainer.train_epoch(&images, Run::new()).unwrap().steps, 4);
}

/// A panic payload whose destructor panics too.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("the payload panics too");
    }
}

#[test]
fn a_panic_becomes_an_error_and_the_trainer_stays_usable() {
    let mut trainer = trainer();
    let images = dataset(96);
    let mut called = 0;
    let run = Run::new().every_steps(1).progress(|progress, _| {
        called += 1;
        panic!("at step {}", progress.step);
    });
    let error = trainer.train_epoch(&images, run).unwrap_err();
    assert_eq!((error.status(), called), (Status::PANICKED, 1));
    assert!(error.text().ends_with("panicked: at step 1"), "{error}");
    assert_eq!(error.status().name(), "PANICKED");

    let run = Run::new().progress(|_, _| panic_any(Grenade));
    let error = trainer.evaluate(&images, run).unwrap_err();
    assert_eq!(error.status(), Status::PANICKED);
    assert_eq!(trainer.train_epoch(&images, Run::new()).unwrap().steps, 5);
}

#[test]
fn a_canceller_may_be_used_inside() {
    let mut trainer = trainer();
    let canceller = trainer.canceller();
    let run = Run::new().every_steps(1).progress(|_, _| {
        canceller.cancel().unwrap();
        ControlFlow::Continue(())
    });
    let error = trainer.train_epoch(&dataset(96), run).unwrap_err();
    assert_eq!(error.status(), Status::CANCELLED);
    assert_eq!(trainer.step(), Ok(1));
}
