//! Configurations: the defaults are the library's, and JSON round-trips.

mod common;

use common::Scratch;
use vae::{
    Config, Device, Engine, Graph, Likelihood, Net, NonFinite, Optimizer, Precision, Schedule,
    Status,
};

/// No field has its default value.
fn unusual() -> Config {
    Config::default()
        .net(Net::Dense)
        .size(3, 5, 7)
        .latent(9)
        .layers([11, 13])
        .likelihood(Likelihood::Gaussian)
        .sum_gradient(false)
        .gaussian_sigma(0.5)
        .kl_weight(2.0)
        .learning_rate(0.25)
        .beta1(0.5)
        .beta2(0.75)
        .epsilon(0.125)
        .weight_decay(0.5)
        .clip_norm(3.0)
        .seed(u64::MAX)
        .max_batch(17)
        .threads(2)
        .keep_gradients(true)
        .device(Device::Cpu)
        .device_index(1)
        .precision(Precision::Fp32)
        .engine(Engine::Blocks)
        .nonfinite(NonFinite::Skip)
        .deterministic(true)
        .graph(Graph::Off)
        .graph_steps(3)
        .optimizer(Optimizer::Sgd)
        .schedule(Schedule::Cosine)
        .schedule_floor(0.5)
        .schedule_updates(23)
        .warmup_updates(19)
        .kl_warmup_updates(5)
        .kl_cycle_updates(9)
}

#[test]
fn defaults_are_the_librarys() {
    assert_eq!(Config::from_json("{}").unwrap(), Config::default());
}

#[test]
fn every_field_round_trips() {
    let config = unusual();
    config.validate().unwrap();
    let json = config.to_json().unwrap();
    assert_eq!(Config::from_json(&json).unwrap(), config);
    assert_eq!(json.parse::<Config>().unwrap(), config);
    let file = Scratch::new("config.json");
    std::fs::write(&file.0, json).unwrap();
    assert_eq!(Config::from_file(&file.0).unwrap(), config);
}

#[test]
fn fields_and_builder_methods_are_the_same() {
    let mut config = Config::default();
    config.latent = 9;
    config.layers = vec![4, 4];
    assert_eq!(config, Config::default().latent(9).layers([4, 4]));
}

#[test]
fn invalid_json() {
    let of = |json| Config::from_json(json).unwrap_err();
    assert!(of("{\"latnt\": 3}").text().contains("latnt"));
    assert!(of("{\"latent\": \"3\"}").text().contains("latent"));
    assert_eq!(of("{").status(), Status::FORMAT);
    assert_eq!(of("{\0}").status(), Status::ARGUMENT);
}

#[test]
fn memory_is_told_before_creation() {
    let config = Config::default().device(Device::Cpu);
    let memory = config.memory().unwrap();
    assert!(memory.host_bytes > 0);
    assert_eq!(memory.device_bytes, 0);
    let larger = config.max_batch(1024).memory().unwrap();
    assert!(larger.host_bytes > memory.host_bytes);
    let error = Config::default().latent(0).memory().unwrap_err();
    assert_eq!(error.status(), Status::ARGUMENT);
}
