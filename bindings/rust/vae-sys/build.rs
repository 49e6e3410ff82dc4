//! Finds libvae, links it, and tells dependants the folders that a program's
//! run path needs (DEP_VAE_LIBDIR). It builds and downloads nothing.

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
            // Not an error, so that `cargo doc` and `cargo check` work. A
            // linker shows the name it looked for, and no other text of ours.
            println!("cargo:rustc-link-lib=dylib=vae_was_not_found__set_VAE_DIR_to_its_prefix");
        }
    }
}

/// The flags to link what is in VAE_DIR; says what is wrong if it is not there.
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
            "{} is there, but pkg-config does not tell what it is linked with: \
             are pkg-config and vae-static.pc installed?",
            libdir.join(file).display()
        )
    });
    // Once more, for pkg-config does not mark a space in it.
    flags.insert(0, search);
    flags
}

/// Where below an installation's prefix, or a build folder, `file` lies.
fn library_folder(dir: &Path, file: &str) -> Option<PathBuf> {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let multiarch = format!("lib/{arch}-linux-gnu");
    ["lib", "lib64", &multiarch]
        .iter()
        .map(|folder| dir.join(folder))
        .find(|folder| folder.join(file).is_file())
        .map(|folder| folder.canonicalize().unwrap_or(folder))
}

/// The flags to link `module` with; `place` is a VAE_DIR and its library
/// folder, which need not be where the .pc file would expect them.
fn pkg_config(module: &str, place: Option<(&Path, &Path)>) -> Option<Vec<String>> {
    let mut command = Command::new(env::var_os("PKG_CONFIG").unwrap_or("pkg-config".into()));
    command.args(["--libs", module]);
    if let Some((dir, libdir)) = place {
        let folders = [dir.to_path_buf(), libdir.join("pkgconfig")];
        let others = env::var_os("PKG_CONFIG_PATH").unwrap_or_default();
        let others: Vec<PathBuf> = env::split_paths(&others).collect();
        let all = env::join_paths(folders.iter().chain(&others)).ok()?;
        command.env("PKG_CONFIG_PATH", all);
        command.arg(format!("--define-variable=libdir={}", libdir.display()));
    }
    let output = command.output().ok()?;
    let flags = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| words(&flags))
}

/// What pkg-config wrote, in which a space of a path follows a backslash.
fn words(flags: &str) -> Vec<String> {
    const SPACE_OF_A_PATH: &str = "\0";
    flags
        .replace("\\ ", SPACE_OF_A_PATH)
        .split_whitespace()
        .map(|word| word.replace(SPACE_OF_A_PATH, " ").replace('\\', ""))
        .collect()
}

/// Hands linker flags to Cargo, which knows no others than these.
fn link(flags: &[String]) {
    let mut run_path = Vec::new();
    for flag in flags {
        if let Some(folder) = flag.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={}", tidy(folder));
        } else if let Some(folder) = flag.strip_prefix("-Wl,-rpath,") {
            run_path.push(tidy(folder));
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
        let _ = show_to_cargo(folder, index);
    }
}

/// `cargo run` and `cargo test` put searched folders into LD_LIBRARY_PATH if
/// they lie in the target folder: so a link there leads to libvae's.
fn show_to_cargo(folder: &str, index: usize) -> std::io::Result<()> {
    let link = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join(index.to_string());
    if link.symlink_metadata().is_ok() {
        std::fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(folder, &link)?;
    println!("cargo:rustc-link-search=native={}", link.display());
    Ok(())
}

/// Without the `..` that relocatable .pc files have.
fn tidy(folder: &str) -> String {
    let path = Path::new(folder).canonicalize();
    path.map_or(folder.into(), |path| path.display().to_string())
}
