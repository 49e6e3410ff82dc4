//! Trainers on several threads, cancelling from another thread, and dropping in
//! any order.

mod common;

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;

use common::*;
use vae::{Canceller, Dataset, Run, Save, Status, Trainer};

#[test]
fn what_is_send_and_sync() {
    fn sent<T: Send>() {}
    fn shared<T: Send + Sync>() {}
    sent::<Trainer>();
    shared::<Dataset>();
    shared::<Canceller>();
    shared::<vae::Config>();
    shared::<vae::Error>();
}

#[test]
fn two_threads_train_as_each_would_alone() {
    let images = dataset(96);
    let train = |seed| {
        let mut trainer = Trainer::new(&config().seed(seed)).unwrap();
        trainer.train_epoch(&images, Run::new()).unwrap();
        trainer.save_bytes(Save::Checkpoint).unwrap()
    };
    let alone = [train(1), train(2)];
    let at_once = thread::scope(|scope| {
        let both = [scope.spawn(|| train(1)), scope.spawn(|| train(2))];
        both.map(|thread| thread.join().unwrap())
    });
    assert!(alone == at_once);
    assert!(alone[0] != alone[1]);
}

#[test]
fn a_trainer_moves_between_threads() {
    let mut trainer = trainer();
    trainer.train_step(&stripes(16)).unwrap();
    let mut trainer = thread::spawn(move || {
        trainer.train_step(&stripes(16)).unwrap();
        trainer
    })
    .join()
    .unwrap();
    trainer.train_step(&stripes(16)).unwrap();
    assert_eq!(trainer.step(), Ok(3));
}

#[test]
fn an_error_belongs_to_the_thread_that_failed() {
    let texts = thread::scope(|scope| {
        let bad = |latent| move || Trainer::new(&config().latent(latent)).unwrap_err();
        [scope.spawn(bad(5000)), scope.spawn(bad(6000))].map(|t| t.join().unwrap())
    });
    assert!(texts[0].text().contains("5000") && texts[1].text().contains("6000"));
}

#[test]
fn another_thread_cancels_a_run() {
    let mut trainer = trainer();
    let canceller = trainer.canceller();
    let (started, running) = mpsc::channel();
    let worker = thread::spawn(move || {
        let images = dataset(96);
        let run = |started: &mpsc::Sender<()>| {
            let started = started.clone();
            Run::new().every_steps(1).progress(move |_, _| {
                let _ = started.send(());
                ControlFlow::Continue(())
            })
        };
        loop {
            if let Err(error) = trainer.train_epoch(&images, run(&started)) {
                return (trainer, error);
            }
        }
    });
    running.recv().unwrap();
    canceller.cancel().unwrap();
    let (mut trainer, error) = worker.join().unwrap();
    assert_eq!(error.status(), Status::CANCELLED);

    let images = dataset(16);
    let still = trainer.train_epoch(&images, Run::new()).unwrap_err();
    assert_eq!(still.status(), Status::CANCELLED);
    canceller.clear().unwrap();
    trainer.train_epoch(&images, Run::new()).unwrap();
}

#[test]
fn a_canceller_may_outlive_its_trainer() {
    let canceller = trainer().canceller();
    let copy = canceller.clone();
    drop(canceller);
    copy.cancel().unwrap();
    copy.clear().unwrap();
}

#[test]
fn cancelling_races_with_dropping() {
    for _ in 0..20 {
        let trainer = trainer();
        let canceller = trainer.canceller();
        thread::scope(|scope| {
            scope.spawn(move || drop(trainer));
            scope.spawn(move || {
                for _ in 0..1000 {
                    canceller.cancel().unwrap();
                }
            });
        });
    }
}

#[test]
fn drops_come_in_any_order() {
    let mut first = trainer();
    let mut second = trainer();
    let images = dataset(96);
    let run = || Run::new().max_steps(1);
    first.train_epoch(&images, run()).unwrap();
    second.train_epoch(&images, run()).unwrap();
    drop(images); // in the middle of both epochs
    first.train_step(&stripes(16)).unwrap();
    drop(first);
    assert_eq!(second.epoch(), Ok(0));
    second.train_step(&stripes(16)).unwrap();
}
