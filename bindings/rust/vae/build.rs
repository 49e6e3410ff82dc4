//! Gives this package's tests and examples a run path to libvae.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if let Ok(folders) = std::env::var("DEP_VAE_LIBDIR") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folders}");
    }
}
