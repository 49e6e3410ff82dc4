//! Finds and links libvae, and passes its library directories to dependants
//! (DEP_VAE_LIBDIR) for their run paths. It builds and downloads nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const NOT_FOUND: &str = "libvae was not found. Install it and set VAE_DIR to its prefix \
    (or to the folder it was built in), or PKG_CONFIG_PATH to its lib/pkgconfig. \
    Without it, programs do not link.";

fn main() {
    for name in ["VAE_DIR", "PKG_CONFIG_PATH", "DOCS_RS"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("DOCS_RS").is_some() {
        return; // documentation links nothing
    }
    let shared = env::var_os("CARGO_FEATURE_STATIC").is_none();
    let flags = match env::var_os("VAE_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => Some(flags_of_folder(&PathBuf::from(dir), shared)),
        None => pkg_config(if shared { "vae" } else { "vae-static" }, None),
    };
    match flags {
        Some(flags) => link(&flags),
        None => {
            println!("cargo:warning={NOT_FOUND}");
            // Not an error, so that `cargo doc` and `cargo check` work. The
            // linker prints the missing name, so the name is the message.
            println!("cargo:rustc-link-lib=dylib=vae_was_not_found__set_VAE_DIR_to_its_prefix");
        }
    }
}

/// Linker flags for the library in VAE_DIR. Panics, which is how a build script
/// fails, if it is not there.
fn flags_of_folder(dir: &Path, shared: bool) -> Vec<String> {
    let file = if shared { "libvae.so" } else { "libvae.a" };
    let libdir = library_folder(dir, file).unwrap_or_else(|| {
        panic!(
            "VAE_DIR is {}, but there is no {file} in its lib folder. VAE_DIR is \
             the prefix that libvae was installed to, or the folder it was built in.",
            dir.display()
        )
    });
    println!("cargo:rerun-if-changed={}", libdir.join(file).display());
    let search = format!("-L{}", libdir.display());
    if shared {
        let run_path = format!("-Wl,-rpath,{}", libdir.display());
        return vec![search, "-lvae".into(), run_path];
    }
    let mut flags = pkg_config("vae-static", Some((dir, &libdir))).unwrap_or_else(|| {
        panic!(
            "{} exists, but pkg-config does not know its dependencies: \
             are pkg-config and vae-static.pc installed?",
            libdir.join(file).display()
        )
    });
    // Again, because pkg-config does not escape a space in the path.
    flags.insert(0, search);
    flags
}

/// The directory that contains `file`, below an installation prefix or a build
/// directory.
fn library_folder(dir: &Path, file: &str) -> Option<PathBuf> {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let multiarch = format!("lib/{arch}-linux-gnu");
    ["lib", "lib64", &multiarch]
        .iter()
        .map(|folder| dir.join(folder))
        .find(|folder| folder.join(file).is_file())
        .map(|folder| folder.canonicalize().unwrap_or(folder))
}

/// Linker flags of `module`. `install` is VAE_DIR and its library directory,
/// which override those in the .pc file, because an installation may be moved.
fn pkg_config(module: &str, install: Option<(&Path, &Path)>) -> Option<Vec<String>> {
    let mut command = Command::new(env::var_os("PKG_CONFIG").unwrap_or("pkg-config".into()));
    command.args(["--libs", module]);
    if let Some((dir, libdir)) = install {
        let folders = [dir.to_path_buf(), libdir.join("pkgconfig")];
        let others = env::var_os("PKG_CONFIG_PATH").unwrap_or_default();
        let others: Vec<PathBuf> = env::split_paths(&others).collect();
        let all = env::join_paths(folders.iter().chain(&others)).ok()?;
        command.env("PKG_CONFIG_PATH", all);
        command.arg(format!("--define-variable=libdir={}", libdir.display()));
    }
    let output = command.output().ok()?;
    let flags = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| split(&flags))
}

/// Splits pkg-config's output at spaces, except escaped ones, which are part of
/// a path.
fn split(flags: &str) -> Vec<String> {
    const ESCAPED_SPACE: &str = "\0";
    flags
        .replace("\\ ", ESCAPED_SPACE)
        .split_whitespace()
        .map(|flag| flag.replace(ESCAPED_SPACE, " ").replace('\\', ""))
        .collect()
}

/// Passes linker flags to Cargo. Cargo accepts only these kinds.
fn link(flags: &[String]) {
    let mut run_path = Vec::new();
    for flag in flags {
        if let Some(folder) = flag.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={}", canonical(folder));
        } else if let Some(folder) = flag.strip_prefix("-Wl,-rpath,") {
            run_path.push(canonical(folder));
        } else if flag == "-l:libvae.a" {
            println!("cargo:rustc-link-lib=static=vae");
        } else if let Some(file) = flag.strip_prefix("-l:lib") {
            let name = file.split(".so").next().unwrap_or(file);
            println!("cargo:rustc-link-lib=dylib={name}");
        } else if let Some(name) = flag.strip_prefix("-l") {
            println!("cargo:rustc-link-lib=dylib={name}");
        }
    }
    println!("cargo:libdir={}", run_path.join(":"));
    for (index, folder) in run_path.iter().enumerate() {
        let _ = link_into_target(folder, index);
    }
}

/// `cargo run` and `cargo test` add only search directories below the target
/// directory to LD_LIBRARY_PATH. So this makes a link there to libvae's.
fn link_into_target(folder: &str, index: usize) -> std::io::Result<()> {
    let link = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join(index.to_string());
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(folder, &link)?;
    println!("cargo:rustc-link-search=native={}", link.display());
    Ok(())
}

/// Resolves the `..` of relocatable .pc files.
fn canonical(folder: &str) -> String {
    let path = Path::new(folder).canonicalize();
    path.map_or(folder.into(), |path| path.display().to_string())
}
