fn main() {
    let folders = std::env::var("DEP_VAE_LIBDIR").unwrap_or_default();
    println!("cargo:rustc-link-arg=-Wl,-rpath,{folders}");
}
