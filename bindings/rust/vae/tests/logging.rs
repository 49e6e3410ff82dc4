//! The log closure. A single test, because a process has one closure.

mod common;

use std::sync::{Arc, Mutex};

use common::*;
use vae::{Device, LogLevel, Status, Trainer};

/// A trainer whose creation logs a message if there is no GPU: why it runs on the
/// CPU.
fn noteworthy() -> Trainer {
    Trainer::new(&config().device(Device::Auto)).unwrap()
}

#[test]
fn the_log_closure_receives_messages_and_may_misbehave() {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&messages);
    vae::set_log(LogLevel::Detail, move |level, text| {
        let call = vae::build_info().map_err(|error| error.status());
        let replaced = vae::clear_log().map_err(|error| error.status());
        list.lock()
            .unwrap()
            .push((level, text.to_owned(), call.err(), replaced.err()));
    })
    .unwrap();
    let on = noteworthy().config().unwrap().device;
    let events = std::mem::take(&mut *messages.lock().unwrap());
    assert_eq!(events.is_empty(), on != Device::Cpu);
    for (_, text, call, replaced) in &events {
        assert!(!text.is_empty());
        assert_eq!((*call, *replaced), (Some(Status::BUSY), Some(Status::BUSY)));
    }

    vae::set_log(LogLevel::Detail, |_, text| panic!("{text}")).unwrap();
    noteworthy().train_step(&stripes(16)).unwrap();
    assert_eq!(
        Arc::strong_count(&messages),
        1,
        "the closure before is gone"
    );

    vae::clear_log().unwrap();
    noteworthy().train_step(&stripes(16)).unwrap();
    assert!(messages.lock().unwrap().is_empty());
}
