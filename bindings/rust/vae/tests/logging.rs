//! The log closure. One test, for there is one closure in a process.

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use vae::{Device, LogLevel, Status, Trainer};

/// A trainer whose making is an event where there is no GPU: why it is not on
/// one.
fn noteworthy() -> Trainer {
    Trainer::new(&config().device(Device::Auto)).unwrap()
}

#[test]
fn the_log_closure_is_told_and_may_misbehave() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    vae::set_log(LogLevel::Detail, move |level, text| {
        let call = vae::build_info().map_err(|error| error.status());
        let replaced = vae::clear_log().map_err(|error| error.status());
        list.lock()
            .unwrap()
            .push((level, text.to_owned(), call.err(), replaced.err()));
    })
    .unwrap();
    let on = noteworthy().config().unwrap().device;
    let events = std::mem::take(&mut *told.lock().unwrap());
    assert_eq!(events.is_empty(), on != Device::Cpu);
    for (_, text, call, replaced) in &events {
        assert!(!text.is_empty());
        assert_eq!((*call, *replaced), (Some(Status::BUSY), Some(Status::BUSY)));
    }

    vae::set_log(LogLevel::Detail, |_, text| panic!("{text}")).unwrap();
    noteworthy().train_step(&stripes(16)).unwrap();
    assert_eq!(Arc::strong_count(&told), 1, "the closure before is gone");

    vae::clear_log().unwrap();
    noteworthy().train_step(&stripes(16)).unwrap();
    assert!(told.lock().unwrap().is_empty());
}
